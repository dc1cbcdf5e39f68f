"""The report: whole, broken and empty studies; self-contained; nothing from a file becomes markup."""

import json
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import pytest

from analysis import report
from analysis.page.html import figure_html, inline, list_html, markdown_html, table_html
from analysis.page.show import collect, show, study_tables
from analysis.tables import Tables, load
from tests.analysis.synthetic_study import write_study

TITLES = (
    "Verdict", "Task effects", "Trade-off", "Settings", "Concepts", "Training dynamics", "Gallery", "Data colours",
    "Cost",
)  # fmt: skip
SCRIPTS = sorted(report.NOTEBOOKS.glob("[0-9]*.py"))


class Page(HTMLParser):
    """Tags with attributes, and the text outside scripts and styles."""

    def __init__(self, source: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.inside = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.inside = tag

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside not in ("script", "style"):
            self.text += f" {data}"

    def values(self, name: str) -> list[str]:
        return [value for _, attributes in self.tags for key, value in attributes.items() if key == name and value]


def written(study_dir: Path) -> Page:
    return Page(report.write(study_dir).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_study(tmp_path_factory.mktemp("whole"), effects={"joint.color": -0.9})
    report.write(folder)
    return folder


@pytest.fixture(scope="module")
def page(whole: Path) -> Page:
    return Page((whole / "report" / "report.html").read_text(encoding="utf-8"))


def test_every_section_is_there_and_in_the_contents(page: Page) -> None:
    for index, title in enumerate(TITLES, start=1):
        assert f"{index}. {title}" in page.text
        assert f"#section-{index}" in page.values("href")
        assert f"section-{index}" in page.values("id")


def test_the_report_loads_nothing_from_anywhere(whole: Path, page: Page) -> None:
    for value in page.values("src") + page.values("href") + page.values("srcset") + page.values("poster"):
        assert value.startswith(("data:", "#")), value
    assert not {"link", "iframe", "object", "embed"} & {
        tag for tag, given in page.tags if not (given.get("href") or "").startswith("data:")
    }
    assert "@import" not in (whole / "report" / "report.html").read_text(encoding="utf-8").split("</style>")[0]


def test_plotly_is_inside_exactly_once_and_every_figure_has_its_data(whole: Path, page: Page) -> None:
    source = (whole / "report" / "report.html").read_text(encoding="utf-8")
    plots = [given for tag, given in page.tags if tag == "div" and given.get("class") == "plot"]
    assert len(plots) == 32
    assert source.count('<script type="application/json">') == len(plots)
    assert 4e6 < len(source) < 8e6  # one copy of plotly.js is 4.8 MB


def test_pictures_are_inside(page: Page) -> None:
    shown = [value for value in page.values("src") if value.startswith("data:image/jpeg;base64,")]
    first_screen, gallery, variants = 3 * 4, (3 + 3 + 8) * 6, 6 * (6 + 4)
    assert len(shown) == first_screen + gallery + variants, "of the first six photos also other features and epochs"


def test_a_study_without_pictures_says_so(study_dir: Path) -> None:
    (study_dir / "results" / "pictures.parquet").unlink()
    page = written(study_dir)
    assert not [value for value in page.values("src") if value.startswith("data:image/")]
    assert "No confirmed trial has left pictures yet." in page.text


def test_question_answer_and_limits_are_in_the_text(page: Page) -> None:
    for part in (
        "Does naming the fruit help to colour it",
        "Learning to name photos as well helps colouring by more than the margin",
        "with the settings this search found",
        "6 replicates",
        "60 test photos",
        "What this study cannot tell",
        "95 %, these photos only",
        "train/total_loss is nan in epoch 3, step 7.",
    ):
        assert part in page.text, part


def test_best_settings_come_with_their_command(whole: Path, page: Page) -> None:
    assert f"tintune reproduce {whole} joint.color-confirm-1" in page.text


def test_what_is_folded_away_opens_under_its_caption(page: Page) -> None:
    tags = [tag for tag, _ in page.tags]
    assert tags.count("details") == tags.count("summary") > 3


def test_published_numbers_stand_beside_ncd_alone(study_dir: Path, page: Page) -> None:
    assert "Anwar et al." not in page.text
    path = study_dir / "results" / "study.json"
    study = json.loads(path.read_text())
    study["data"]["dataset"] = "ncd"
    path.write_text(json.dumps(study))
    assert "Anwar et al. (2020) report for published colorizers" in written(study_dir).text


def test_scores_of_search_winners_are_never_printed(whole: Path) -> None:
    tables = load(whole)
    selections = tables.selections.assign(value=7.654321)
    selections.to_parquet(whole / "results" / "selections.parquet")
    assert "7.65" not in written(whole).text


def test_verdict_json_repeats_the_page_for_programs(whole: Path) -> None:
    verdict = json.loads((whole / "report" / "verdict.json").read_text())
    assert verdict["lines"] == report.verdict_lines(load(whole))
    color, naming, fusion = verdict["contrasts"]
    assert (color["contrast"], color["verdict"]) == ("color", "helps by more than the margin")
    assert (color["num_replicates"], color["num_folds"], color["look"]) == (6, 1, 1)
    assert color["low_95"] < color["effect"] < color["high_95"]
    assert color["replicates_needed"] is None and color["settled"] is True
    assert set(color["spread"]) == {"replicates", "photos", "rest"}
    assert naming["verdict"] == "undecided"
    assert fusion["family"] == "controls"
    assert {finding["name"] for finding in verdict["health"]} >= {"failures in one arm"}


def test_an_empty_results_folder_still_gives_a_report(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    page = written(tmp_path)
    for part in ("declares no contrast", "No trial has been recorded", "No confirmed trial has left pictures yet"):
        assert part in page.text
    json.loads((tmp_path / "report" / "verdict.json").read_text())


@pytest.mark.full
@pytest.mark.parametrize(
    "name", ["study.json", "trials.parquet", "epochs.parquet", "photos.parquet", "selections.parquet"]
)
def test_a_missing_table_still_gives_a_report(study_dir: Path, name: str) -> None:
    (study_dir / "results" / name).unlink()
    assert all(title in written(study_dir).text for title in TITLES)


def test_no_finished_trial_still_gives_a_report_that_says_so(study_dir: Path) -> None:
    results = study_dir / "results"
    tables = load(study_dir)
    tables.trials[tables.trials["phase"] == "search"].assign(state="failed").to_parquet(results / "trials.parquet")
    for name in ("epochs", "photos", "selections"):
        getattr(tables, name).iloc[:0].to_parquet(results / f"{name}.parquet")
    page = written(study_dir)
    assert "No trial of joint, color_only, class_only, no_fusion has finished" in page.text
    assert "the search has no finished trial to choose from" in page.text


def test_one_replicate_still_gives_a_report_that_says_so(make_tables: Callable[..., Tables]) -> None:
    page = written(make_tables(num_replicates=1).study_dir)
    assert "one replicate only" in page.text
    assert "here rest color on 1 replicate" in page.text


def test_a_missing_arm_still_gives_a_report_that_names_it(study_dir: Path) -> None:
    tables = load(study_dir)
    for name in ("trials", "epochs", "photos", "selections"):
        frame = getattr(tables, name)
        frame[frame["arm"] != "class_only"].to_parquet(study_dir / "results" / f"{name}.parquet")
    page = written(study_dir)
    assert "No trial of class_only has finished" in page.text
    assert "no setting of class_only has been chosen as control yet" in page.text


def test_a_metric_that_was_never_recorded_still_gives_a_report(study_dir: Path) -> None:
    tables = load(study_dir)
    tables.epochs.drop(columns="val/top1").to_parquet(study_dir / "results" / "epochs.parquet")
    tables.photos.drop(columns="top1").to_parquet(study_dir / "results" / "photos.parquet")
    assert "test/top1 was never measured photo by photo" in written(study_dir).text


def test_text_from_files_never_becomes_markup(study_dir: Path) -> None:
    evil = "<script>alert(1)</script><b>x</b>"
    path = study_dir / "results" / "study.json"
    study = json.loads(path.read_text())
    study |= {"name": evil, "question": evil, "hardware": evil, "command": evil}
    study["contrasts"][evil] = study["contrasts"].pop("color")
    study["data"]["skipped"] = [{"name": evil, "reason": evil}]
    study["arms"] = {evil: {}, **study["arms"]}
    path.write_text(json.dumps(study))
    tables = load(study_dir)
    tables.trials.assign(failure_message=evil, state="failed").to_parquet(study_dir / "results" / "trials.parquet")
    tables.selections.replace({"contrast": {"color": evil}}).assign(setting=evil).to_parquet(
        study_dir / "results" / "selections.parquet"
    )
    tables.photos.assign(setting=evil, category=evil).to_parquet(study_dir / "results" / "photos.parquet")
    source = report.write(study_dir).read_text(encoding="utf-8")
    assert "<script>alert" not in source
    assert "<b>x</b>" not in source
    assert "b" not in {tag for tag, _ in Page(source).tags}


def test_no_text_in_a_figure_can_end_its_script() -> None:
    source = figure_html(go.Figure(layout_title_text="</script><img src=x>"), "")
    assert source.count("</script>") == 1
    assert "<img" not in source


def test_an_old_report_is_replaced_whole_and_no_draft_is_left(study_dir: Path) -> None:
    folder = study_dir / "report"
    folder.mkdir()
    (folder / "report.html").write_text("old")
    assert report.write(study_dir) == folder / "report.html"
    assert sorted(path.name for path in folder.iterdir()) == ["report.html", "verdict.json"]


def test_results_are_never_changed_by_reporting(study_dir: Path) -> None:
    before = {path: path.read_bytes() for path in sorted((study_dir / "results").rglob("*.*"))}
    report.write(study_dir)
    assert {path: path.read_bytes() for path in sorted((study_dir / "results").rglob("*.*"))} == before


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_writes_its_own_page_without_the_others(study_dir: Path, script: Path) -> None:
    page = Page(report.write_section(study_dir, script.stem).read_text(encoding="utf-8"))
    assert [title for title in TITLES if f"1. {title}" in page.text] == [TITLES[SCRIPTS.index(script)]]


def test_a_section_is_written_from_the_command_line(study_dir: Path) -> None:
    root = str(report.NOTEBOOKS.parents[1])

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *arguments]
        return subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": root}, check=False)

    done = run("-m", "analysis.report", str(study_dir), "09_cost")
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()) == study_dir / "report" / "09_cost.html"
    for wrong, said in (
        (["-m", "analysis.report", str(study_dir), "10_cost"], "09_cost"),
        (["-m", "analysis.report", str(study_dir / "nowhere")], "holds no results"),
        (["-m", "analysis.report"], "Name a study's folder"),
        ([str(report.NOTEBOOKS / "09_cost.py"), str(study_dir)], "python -m analysis.report STUDY_DIR 09_cost"),
    ):
        refused = run(*wrong)
        assert refused.returncode == 1 and said in refused.stderr and refused.stderr.count("\n") == 1


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_scripts_are_percent_notebooks_without_functions(script: Path) -> None:
    source = script.read_text(encoding="utf-8")
    assert source.startswith("# %% [markdown]\n# # ")
    assert "\ndef " not in source
    assert "\nclass " not in source


def test_show_collects_in_order_within_a_section_only(tables: Tables) -> None:
    with collect(tables) as section:
        assert study_tables() is tables
        show("first")
        show(["second"], "with a caption", folded=True)
    assert section.shown == [("first", "", False), (["second"], "with a caption", True)]


def test_prose_knows_headings_lists_and_emphasis() -> None:
    assert markdown_html("One\nline.\n\n### Two\n\n- a\n- *b*") == (
        "<p>One\nline.</p>\n<h4>Two</h4>\n<ul>\n<li>a</li>\n<li><em>b</em></li>\n</ul>\n"
    )
    assert markdown_html("# One\nText\n\n###### Six") == "<h2>One</h2>\n<p>Text</p>\n<h6>Six</h6>\n"
    assert inline("**5 < 6** in `a_b`") == "<strong>5 &lt; 6</strong> in <code>a_b</code>"


@pytest.mark.parametrize("evil", ["![x](https://x.org/a.png)", "[x](https://x.org)", "<https://x.org>", "<img src=x>"])
def test_prose_fetches_nothing_and_leads_nowhere(evil: str) -> None:
    for source in (markdown_html(evil), inline(evil), list_html([evil]), table_html(pd.DataFrame({"a": [1]}), evil)):
        assert not {"img", "a"} & {tag for tag, _ in Page(source).tags}
        assert evil in Page(source).text


def test_a_table_escapes_its_cells_and_shows_what_is_missing(tables: Tables) -> None:
    frame = tables.epochs.iloc[:1][["trial", "epoch"]].assign(trial="<i>", missing=float("nan"))
    source = table_html(frame, "")
    assert "&lt;i&gt;" in source
    assert "\N{EN DASH}" in source
