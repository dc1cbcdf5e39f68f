"""html.py: numbers, headers, answers, badges and rows of pictures as a reader sees them."""

import re

import pandas as pd
import plotly.graph_objects as go
import pytest

from analysis.page.html import answers_html, badges_html, breakable, pictures_html, table_html

MINUS = "\N{MINUS SIGN}"


def test_a_negative_number_has_a_true_minus_and_a_name_keeps_its_hyphen() -> None:
    source = table_html(pd.DataFrame({"trial": ["joint-search-1"], "a": [-0.123456], "b": [-1234], "c": [-250.0]}), "")
    cells = re.findall(r"<td[^>]*>(.*?)</td>", source)
    assert cells == ["joint-search-1", f"{MINUS}0.123", f"{MINUS}1,234", f"{MINUS}250"]


def test_columns_have_words_for_headers_and_arms_their_names() -> None:
    source = table_html(pd.DataFrame({"num_photos": [1], "low_95": [0.5], "color_only": [2.0]}), "")
    heads = re.findall(r"<th [^>]*>(.*?)</th>", source)
    assert heads == ["photos", "95 % interval from", "color_only"]


def test_a_table_can_say_that_it_scrolls() -> None:
    assert "The table scrolls sideways" in table_html(pd.DataFrame({"a": [1]}), "")


def test_rows_of_pictures_know_how_many_columns_they_hold_and_leave_places_empty() -> None:
    source = pictures_html([[(b"a", "grey", ""), (None, "joint", "5.2")], [(b"b", "grey", "")]], "said")
    assert "--columns:2" in source and source.count('class="row"') == 2
    assert source.count("<img") == 2 and "5.2" in source and "said" in source


def test_a_long_name_breaks_after_its_dots_and_underscores_and_stays_escaped() -> None:
    assert breakable("joint.color") == "joint.<wbr>color" and breakable("no_fusion") == "no_<wbr>fusion"
    assert breakable("<b>.x") == "&lt;b&gt;.<wbr>x"


def test_an_answer_is_its_claim_its_chart_and_the_numbers_behind_it() -> None:
    source = answers_html([("**It helps.** By 1 < 2.", go.Figure()), ("Nothing declared.", go.Figure())])
    assert '<p class="claim"><strong>It helps.</strong></p>' in source and "<p>By 1 &lt; 2.</p>" in source
    assert '<p class="claim">Nothing declared.</p>' in source and source.count('class="plot"') == 2


@pytest.mark.parametrize(("grade", "words"), [("weakens", "Weakens the answer"), ("mind", "Keep in mind")])
def test_a_badge_says_its_grade_in_words(grade: str, words: str) -> None:
    source = badges_html([(grade, "Too <few>.", "Do `this`.")])
    assert f'<li class="{grade}">' in source and words in source
    assert "Too &lt;few&gt;." in source and "<code>this</code>" in source
