"""A study file that cannot work is refused with the line, the rule and the choices."""

import pathlib
import pickle

import pytest

from study.definition.load import load_study, parse_study
from study.definition.methods import EARLY_STOPPING, SAMPLERS
from study.errors import StudyFileError
from tests.study.design_study import ADADELTA_CASE, DESIGN, DROPOUT, HALVING, JOINT

BROKEN: dict[str, tuple[str, str, int, tuple[str, ...]]] = {
    # what is wrong: (text of the good file, text instead, line, fragments of the message)
    "unknown section": ("space:  ", "spaec:  ", 5, ("unknown key 'spaec'", "'space'")),
    "unknown setting in base": ("batch_size", "batchsize", 4, ("'batchsize' in base", "'batch_size'")),
    "unknown setting in space": ("dropout", "dropuot", 11, ("'dropuot' in space", "'dropout'")),
    "unknown setting in an arm": ("{fusion: false", "{fussion: no", 16, ("'fussion' in arm 'no_fusion'", "'fusion'")),
    "unknown key in data": ("image_size", "imagesize", 3, ("'imagesize' in data", "'image_size'")),
    "unknown key in a contrast": ("control: color", "kontrol: color", 20, ("contrasts.color.kontrol", "'control'")),
    "unknown key in search": ("trials_per_arm", "trials_per_am", 23, ("search.trials_per_am", "'trials_per_arm'")),
    "unknown data set": ("dataset: ncd", "dataset: ndc", 3, ("Unknown dataset 'ndc'", "'orchard'")),
    "unknown optimizer": ("adamw, sgd]", "adamx, sgd]", 6, ("Unknown optimizer 'adamx'", "'rmsprop'")),
    "unknown sampler": ("sampler: tpe", "sampler: tpee", 23, ("'tpee'", "'gp', 'nsga2', 'random', 'tpe'")),
    "unknown early stopping": (
        HALVING,
        "early_stopping: medain",
        23,
        ("'medain'", "'median', 'none', 'pareto_halving'"),
    ),
    "unknown metric of a contrast": ("test/top1}", "test/top11}", 21, ("contrasts.naming", "'test/top1'", "test/ssim")),
    "unknown objective": ("val/top1: max", "val/topp: max", 18, ("unknown metric 'val/topp'", "'val/psnr'")),
    "objective on the test pool": ("val/top1: max", "test/top1: max", 18, ("never sees the test pool", "val/top1")),
    "objective in the wrong direction": ("delta_e: min", "delta_e: max", 18, ("better at its minimum", "write min")),
    "objective in no direction": ("delta_e: min", "delta_e: low", 18, ("'low'", "['max', 'min']")),
    "objective that an arm lacks": ("top1: max", "psnr: max", 15, ("'class_only' trains naming", "val/top1")),
    "value out of range": ("epochs: 60", "epochs: 0", 4, ("epochs must be at least 1, but got 0",)),
    "value of the wrong type": ("epochs: 60", "epochs: 6.5", 4, ("epochs must be of type int, but got 6.5",)),
    "value that is not finite": ("width: 1.0", "width: .nan", 4, ("width must be finite",)),
    "a date": ("width: 1.0", "width: 2026-01-01", 4, ("base.width", "got 2026-01-01")),
    "task weighting where an arm trains one task": (
        "base: {",
        "base: {task_weighting: pcgrad, ",
        4,
        ("task_weighting 'pcgrad' weighs two tasks", "class_loss_weight is 0", "arm 'color_only'"),
    ),
    "rate of weights that are not learned": (
        DROPOUT,
        "weighting_learning_rate: {log_uniform: [0.01, 0.1]}",
        11,
        ("weighting_learning_rate has no effect with task_weighting 'fixed'",),
    ),
    "searched diagnostics": (
        DROPOUT,
        "diagnostics_every: {choice: [0, 5]}",
        11,
        ("diagnostics_every must be one value in base", "never searched"),
    ),
    "range in base": ("width: 1.0", "width: {uniform: [1, 2]}", 4, ("base.width must be a single value", "space")),
    "searched epochs": (
        DROPOUT,
        "epochs: {choice: [1, 2]}",
        11,
        ("epochs must be one value in base", "never searched"),
    ),
    "end of a range out of range": (DROPOUT, "dropout: {uniform: [0, 1.5]}", 11, ("lie in [0, 1), but got 1.5",)),
    "range upside down": (DROPOUT, "dropout: {uniform: [0.6, 0]}", 11, ("lowest below highest", "[0.6, 0]", "swap")),
    "range of no width": (DROPOUT, "dropout: {uniform: [0.1, 0.1]}", 11, ("lowest below highest",)),
    "range of one number": (DROPOUT, "dropout: {uniform: 0.6}", 11, ("[lowest, highest], but got 0.6",)),
    "range of words": (DROPOUT, "dropout: {uniform: [0, high]}", 11, ("two numbers", "'high'")),
    "log scale from 0": (DROPOUT, "dropout: {log_uniform: [0, 0.6]}", 11, ("log_uniform must start above 0",)),
    "loss weight from 0 on a log scale": (
        "joint:           {class_loss_weight: {log_uniform: [1.0e-4",
        "joint:           {class_loss_weight: {log_uniform: [0",
        13,
        ("class_loss_weight: log_uniform must start above 0, but got 0", "uniform"),
    ),
    "decimals for a count": (DROPOUT, "extra_convolutions: {uniform: [0, 2]}", 11, ("not a decimal", "int_uniform")),
    "empty choice": (DROPOUT, "dropout: {choice: []}", 11, ("choice is empty", "{value: ...}")),
    "choice of one": (DROPOUT, "dropout: {choice: [0.1]}", 11, ("choice has one value, 0.1", "{value: ...}")),
    "choice with a value twice": (DROPOUT, "dropout: {choice: [0.1, 0.1]}", 11, ("choice names 0.1 twice",)),
    "unknown distribution": (DROPOUT, "dropout: {unifrm: [0, 1]}", 11, ("'unifrm'", "'uniform'", "log_uniform")),
    "two distributions": (DROPOUT, "dropout: {uniform: [0, 1], value: 0}", 11, ("but got ['uniform', 'value']",)),
    "list without conditions": (DROPOUT, "dropout: [0, 0.6]", 11, ("needs a condition", "choice: [...]")),
    "condition without list": (DROPOUT, "dropout: {when: {fusion: true}, value: 0}", 11, ("list of cases", "`- `")),
    "condition on a missing setting": ("{optimizer: sgd}", "{optimiser: sgd}", 9, ("'optimiser'", "'optimizer'")),
    "condition on a range": (
        DROPOUT,
        f"{DROPOUT}\n  flip: [{{when: {{dropout: 0.1}}, value: true}}]",
        11,
        ("dropout decides over other settings", "choice or int_uniform"),
    ),
    "conditions in a circle": (
        DROPOUT,
        "flip: [{when: {pooling: average}, value: true}]\n  pooling: [{when: {flip: true}, value: average}]",
        11,
        ("the conditions of flip lead in a circle", "'pooling'"),
    ),
    "missing case": (ADADELTA_CASE, "", 7, ("no case for {optimizer: adadelta}", "value: null")),
    "overlapping cases": ("adadelta}, log", "[adadelta, sgd]}, log", 10, ("overlap", "{optimizer: sgd}", "narrow")),
    "case that never applies": ("choice: [adadelta, adamw, ", "choice: [adamw, ", 10, ("never apply", "'adadelta'")),
    "setting of another optimizer": (
        DROPOUT,
        "rho: {uniform: [0, 0.9]}",
        11,
        ("rho has no effect", "'rmsprop'", "when"),
    ),
    "momentum that adamw does not have": (
        "  optimizer: {choice: [adadelta, adamw, sgd]}\n",
        "  momentum: {uniform: [0, 0.9]}\n  optimizer: adamw\n",
        6,
        ("momentum has no effect with optimizer 'adamw'", "'sgd'"),
    ),
    "skips around nothing": (
        DROPOUT,
        "residual: {choice: [true, false]}",
        11,
        ("residual has no effect without extra_convolutions",),
    ),
    "skips around nothing in one corner of the space": (
        DROPOUT,
        "extra_convolutions: {choice: [1, 0]}\n  residual: {choice: [false, true]}",
        12,
        ("residual has no effect without extra_convolutions", "{when: {...}}"),
    ),
    "average of one pixel": (
        "image_size: 128, test_share: 0.25, val_share: 0.2}\nbase: {",
        "image_size: 32}\nbase: {pooling: average, ",
        4,
        ("pooling 'average' has no effect with image_size 32", "use 'flatten'"),
    ),
    "average of one pixel in one arm": (
        "{fusion: false",
        "{pooling: average, global_size: 24",
        16,
        ("pooling 'average' has no effect with global_size 24", "use 'flatten'"),
    ),
    "fixed and searched": (DROPOUT, "width: {uniform: [1, 2]}", 11, ("width is fixed in base and searched in space",)),
    "shuffled labels without class loss": (
        "shuffle_labels: true, class_loss_weight: {log_uniform: [1.0e-4, 1.0]}",
        "shuffle_labels: true, class_loss_weight: 0",
        17,
        ("shuffle_labels has no effect", "class_loss_weight is 0"),
    ),
    "sometimes shuffled labels": (
        "labels: true",
        "labels: {choice: [true, false]}",
        17,
        ("true and false within one",),
    ),
    "task that only some trials train": (
        JOINT,
        "joint: {class_loss_weight: {uniform: [0, 1]}}",
        13,
        ("class_loss_weight can be 0 as well as above", "an arm of its own"),
    ),
    "arm without a task": (
        "color_loss_weight: 0, class_loss_weight: 1",
        "color_loss_weight: 0, class_loss_weight: 0",
        15,
        ("nothing to train",),
    ),
    "two arms that are the same": ("{fusion: false, ", "{", 16, ("arms 'joint' and 'no_fusion' are the same",)),
    "two arms that differ by a default": ("{fusion: false, ", "{fusion: true, ", 16, ("are the same", "change")),
    "arm that is no mapping": (JOINT, "joint: 5", 13, ("arms.joint must be a mapping", "got 5")),
    "arm with an unsafe name": ("no_fusion: ", "no/fusion: ", 16, ("arms.no/fusion", "lower-case")),
    "contrast of an unknown arm": ("control: color_only", "control: color_onyl", 20, ("'color_onyl'", "'color_only'")),
    "contrast of an arm with itself": (
        "control: color_only",
        "control: joint",
        20,
        ("'joint' with itself", "class_only"),
    ),
    "contrast on an untrained task": (
        "control: class_only",
        "control: color_only",
        21,
        ("test/top1", "naming", "no_fusion"),
    ),
    "naming by shuffled labels": ("control: class_only", "control: shuffled_labels", 21, ("does not train naming",)),
    "contrast on validation": ("metric: test/top1", "metric: val/top1", 21, ("test pool", "write test/top1")),
    "contrast twice": (
        "  naming: {treatment: joint, control: class_only, metric: test/top1}",
        "  naming: {treatment: color_only, control: joint, metric: test/delta_e}",
        21,
        ("contrasts.naming compares the same as contrasts.color",),
    ),
    "control under a contrast's name": (
        "margin:",
        "controls: {color: {treatment: joint, control: no_fusion, metric: test/delta_e}}\nmargin:",
        22,
        ("'color' is a contrast already",),
    ),
    "margin missing": ("test/delta_e: 0.5, ", "", 22, ("no entry for test/delta_e (contrasts.color)",)),
    "margin of 0": ("test/delta_e: 0.5", "test/delta_e: 0", 22, ("margin.test/delta_e must be above 0, but got 0",)),
    "margin that judges nothing": ("margin: {", "margin: {test/psnr: 1, ", 22, ("test/psnr has no effect",)),
    "no trials": ("trials_per_arm: 30", "trials_per_arm: 0", 23, ("trials_per_arm must be at least 1, but got 0",)),
    "trials missing": ("trials_per_arm: 30, ", "", 23, ("'search.trials_per_arm' is missing",)),
    "one replicate": ("replicates: 10", "replicates: 1", 24, ("confirm.replicates must be at least 2, but got 1",)),
    "neither replicates nor folds": ("replicates: 10, ", "", 24, ("replicates: N", "folds: K")),
    "looks without folds": ("replicates: 10", "replicates: 10, looks: [1, 2]", 24, ("looks has no effect without",)),
    "folds without looks": ("replicates: 10", "folds: 4", 24, ("confirm.looks is missing", "looks: [1, 2]")),
    "folds and replicates": (
        "replicates: 10",
        "folds: 4, looks: [1], replicates: 2",
        24,
        ("replicates has no effect with 4 folds",),
    ),
    "looks out of order": ("replicates: 10", "folds: 4, looks: [2, 1]", 24, ("must ascend", "[2, 1]")),
    "a look twice": ("replicates: 10", "folds: 4, looks: [2, 2]", 24, ("must ascend", "[2, 2]")),
    "a third look": ("replicates: 10", "folds: 4, looks: [1, 2, 3]", 24, ("confirm.looks",)),
    "a look at nothing": ("replicates: 10", "folds: 4, looks: [0, 2]", 24, ("must be at least 1, but got 0",)),
    "folds in data": ("test_share: 0.25", "folds: 4", 3, ("confirm: {folds: ...}",)),
    "contrast called both": ("  naming: {", "  both: {", 21, ("'both' is kept for the compromise",)),
    "one recheck": ("search:  {", "search:  {rechecks: 1, ", 23, ("search.rechecks must be 0, or at least 2",)),
    "compromise on no objective": (
        "margin:",
        "compromise: {val/psnr: 1, val/top1: 0.1}\nmargin:",
        22,
        ("val/psnr is no objective",),
    ),
    "compromise within one task": (
        "margin:",
        "compromise: {val/top1: 0.1}\nmargin:",
        22,
        ("of colouring against one of naming",),
    ),
    "spread of nothing compared": (
        "margin:",
        "spread: {test/psnr: {replicates: 1, photos: 1, rest: 1}}\nmargin:",
        22,
        ("spread test/psnr has no effect",),
    ),
    "replicates in words": ("replicates: 10", "replicates: ten", 24, ("must be a whole number, but got 'ten'",)),
    "YAML 1.1's yes": ("twins: true", "twins: yes", 24, ("confirm.twins must be true or false, but got 'yes'",)),
    "stopping later than the end": (HALVING, f"{HALVING}, min_epochs: 61", 23, ("at most epochs, 60, but got 61",)),
    "grace without stopping": (HALVING, "grace_trials: 4", 23, ("search.grace_trials has no effect", "remove it")),
    "grace of one trial": (HALVING, f"{HALVING}, grace_trials: 1", 23, ("grace_trials must be at least 2, but got 1",)),
    "halving by one": (HALVING, f"{HALVING}, reduction_factor: 1", 23, ("reduction_factor must be at least 2",)),
    "gp with conditional settings": (
        f"sampler: tpe, {HALVING}",
        "sampler: gp",
        23,
        ("gp cannot do conditional settings", "'joint' searches learning_rate@adadelta", "['random', 'tpe']"),
    ),
    "gp with early stopping": (
        "sampler: tpe",
        "sampler: gp",
        23,
        ("gp cannot do early stopping", "is pareto_halving", "['nsga2', 'random', 'tpe']"),
    ),
    "nsga2 with conditional settings": (
        "sampler: tpe",
        "sampler: nsga2",
        23,
        ("nsga2 cannot do conditional settings", "['random', 'tpe']"),
    ),
    "factor that median does not have": (
        f"tpe, {HALVING}",
        "random, early_stopping: median, reduction_factor: 2",
        23,
        ("search.reduction_factor has no effect with early_stopping median",),
    ),
    "warm start from nowhere": (HALVING, 'warm_start: ""', 23, ("search.warm_start must not be empty",)),
    "stopping rule without stopping": (HALVING, "min_epochs: 6", 23, ("min_epochs has no effect",)),
    "enqueued setting nobody searches": (
        HALVING,
        "enqueue: [{width: 2}]",
        23,
        ("'width' is searched in no arm", "dropout"),
    ),
    "enqueued value outside": (HALVING, "enqueue: [{dropout: 0.7}]", 23, ("between 0 and 0.6, but got 0.7",)),
    "enqueued without its condition": (HALVING, "enqueue: [{learning_rate: 1}]", 23, ("depends on optimizer",)),
    "setting that every arm overrides": (
        "width: 1.0}",
        "class_loss_weight: 1}",
        4,
        ("class_loss_weight has no effect in base, because every arm overrides it",),
    ),
    "arm of shuffled labels alone": (
        "shuffle_labels: true,",
        "shuffle_labels: true, color_loss_weight: 0,",
        17,
        ("'shuffled_labels' trains only shuffled labels", "color_loss_weight"),
    ),
    "more enqueued than tried": (
        "trials_per_arm: 30",
        "trials_per_arm: 1, enqueue: [{dropout: 0}, {dropout: 0.1}]",
        23,
        ("search.enqueue has 2 entries for 1 trials per arm",),
    ),
    "twins of nobody": (
        "joint, control: color_only, metric: test/delta_e}\n"
        "  naming: {treatment: joint, control: class_only, metric: test/top1}",
        "shuffled_labels, control: color_only, metric: test/delta_e}",
        23,
        ("confirm.twins has no effect", "trains both tasks"),
    ),
    "no CPU": ("cpus_per_trial: 2", "cpus_per_trial: 0", 25, ("resources.cpus_per_trial must be above 0",)),
    "one and a half GPUs": ("gpus_per_trial: 0.25", "gpus_per_trial: 1.5", 25, ("got 1.5", "use 1 or 2")),
    "image size": ("image_size: 128", "image_size: 100", 3, ("image_size must be a multiple of 8, but got 100",)),
    "two seeds": ("image_size: 128", "seed: 3", 3, ("data.seed is the study's own", "at the top")),
    "folder of photos missing": ("root: data/ncd, ", "", 3, ("root must name the folder",)),
    "name that is no folder": ("ncd-task-effects", "ncd/task effects", 1, ("letters, digits", "'ncd/task effects'")),
    "key twice": ("  joint: ", "  color_only: ", 14, ('duplicate key "color_only"', "remove one")),
    "tab": ("question: Does", "\tquestion: Does", 2, ("a tab stands where YAML wants spaces",)),
    "no colon": ("question: Does", "question Does", 2, ("not valid YAML 1.2",)),
}


@pytest.mark.parametrize("wrong", BROKEN)
def test_broken_file_is_refused_with_line_rule_and_choices(wrong: str) -> None:
    good, bad, line, fragments = BROKEN[wrong]
    assert DESIGN.count(good) >= 1
    with pytest.raises(StudyFileError) as caught:
        parse_study(DESIGN.replace(good, bad, 1), "study.yaml")
    matching = [text for text in caught.value.problems if text.startswith(f"study.yaml:{line}: ")]
    assert any(all(part in text for part in fragments) for text in matching), str(caught.value)
    assert all(text.endswith((".", "?")) and "\n" not in text for text in caught.value.problems)


def test_at_least_thirty_files_are_broken() -> None:
    assert len(BROKEN) >= 30


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("# nothing but a comment\n", "the file is empty"),
        ("- joint\n- color_only\n", "a mapping of `key: value` lines, but got a list"),
        ("joint\n", "but got the single value 'joint'"),
        ("name: one\n---\nname: two\n", "another document"),
        ("name: \x07\n", "not allowed in YAML"),
        ("name: {a: [1}\n", "not valid YAML 1.2"),
        ("1: {a: 1}\n", "a key must be text"),
    ],
)
def test_text_that_is_no_study_is_refused(text: str, message: str) -> None:
    with pytest.raises(StudyFileError, match=r"study.yaml:[0-9]+: ") as caught:
        parse_study(text, "study.yaml")
    assert message in str(caught.value)


def test_path_without_a_study_is_refused(tmp_path: pathlib.Path) -> None:
    (tmp_path / "small.yaml").write_text(DESIGN)
    (tmp_path / "picture.yaml").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(StudyFileError, match=r"smal\.yaml does not exist\. Did you mean .*small\.yaml"):
        load_study(tmp_path / "smal.yaml")
    with pytest.raises(StudyFileError, match="is a folder"):
        load_study(tmp_path)
    with pytest.raises(StudyFileError, match="not text in UTF-8"):
        load_study(tmp_path / "picture.yaml")


def test_several_mistakes_are_reported_together_and_the_rest_counted() -> None:
    text = DESIGN
    for good in (
        "batch_size",
        "dropout",
        "fusion: false",
        "color_loss_weight",
        "shuffle_labels",
        "width",
        "optimizer:",
    ):
        text = text.replace(good, f"x{good}", 1)
    with pytest.raises(StudyFileError) as caught:
        parse_study(text)
    assert len(caught.value.problems) == 7
    assert str(caught.value).count("\n") == 5 and str(caught.value).endswith("... and 2 more.")
    assert pickle.loads(pickle.dumps(caught.value)).problems == caught.value.problems


def test_mistake_shared_by_all_arms_is_reported_once() -> None:
    with pytest.raises(StudyFileError) as caught:
        parse_study(DESIGN.replace(ADADELTA_CASE, ""))
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    ("override", "fragments"),
    [
        ("base.epoch=3", ("unknown setting 'epoch' in base", "'epochs'")),
        ("bsae.epochs=3", ("unknown key 'bsae'", "'base'")),
        ("confirm.replicate=3", ("'confirm.replicate'", "'replicates'")),
        ("arms.jiont.dropout=0", ("arms has no key 'jiont'", "'joint'")),
        ("contrasts.new={treatment: joint}", ("contrasts has no key 'new'", "'naming'")),
        ("space.learning_rate.7.value=1", ("by its number, 0 to 2, not '7'",)),
        ("space.learning_rate.1.log_uniform=[1, 0.1]", ("lowest below highest",)),
        ("search.trials_per_arm=0", ("at least 1, but got 0",)),
        ("data.root.folder=x", ("data.root is the value 'data/ncd'",)),
        ("base.epochs=[", ("'[' is not a YAML value",)),
        ("base.epochs", ("key.path=value",)),
        ("=3", ("key.path=value",)),
    ],
)
def test_bad_override_is_refused_by_its_own_words(override: str, fragments: tuple[str, ...]) -> None:
    with pytest.raises(StudyFileError) as caught:
        parse_study(DESIGN, overrides=[override])
    (text,) = [text for text in caught.value.problems if text.startswith(f"--set {override}: ")]
    assert all(part in text for part in fragments), text


def test_objective_that_no_arm_can_have_is_refused() -> None:
    first, last = DESIGN.index("  joint:"), DESIGN.index("objectives:")
    arms = "  small: {width: 0.5}\n  large: {width: 2}\n"
    text = DESIGN[:first] + arms + DESIGN[last:].replace("treatment: joint", "treatment: small")
    text = text.replace("width: 1.0", "class_loss_weight: 0").replace("control: color_only", "control: large")
    with pytest.raises(StudyFileError, match=r"no arm can have objective val/top1, because none trains naming"):
        parse_study(text)


@pytest.mark.parametrize(
    ("size_when_average", "line"),
    [
        (None, 11),
        ("global_size: {int_uniform: [32, 64]}", 11),
        ("global_size: {choice: [64, null]}", 11),
        ("global_size: [{when: {pooling: average}, choice: [64, 16]}, {when: {pooling: flatten}, value: null}]", 11),
        ("global_size: [{when: {pooling: average}, value: 64}, {when: {pooling: flatten}, value: 32}]", None),
        ("global_size: {int_uniform: [33, 64]}", None),
    ],
)
def test_searched_pooling_is_refused_exactly_where_some_trial_would_average_one_pixel(
    size_when_average: str | None, line: int | None
) -> None:
    searched = "\n  ".join(
        ["pooling: {choice: [flatten, average]}", *([size_when_average] if size_when_average else [])]
    )
    text = DESIGN.replace("image_size: 128", "image_size: 32").replace(DROPOUT, searched)
    if line is None:
        assert parse_study(text).arm_space("joint").searched
        return
    with pytest.raises(StudyFileError, match=f"^study.yaml:{line}: pooling 'average' has no effect with"):
        parse_study(text)


@pytest.mark.parametrize("rule", EARLY_STOPPING)
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_sampler_is_refused_exactly_where_it_cannot_do_what_is_asked(sampler: str, rule: str) -> None:
    overrides = [f"search.sampler={sampler}", f"search.early_stopping={rule}"]
    conditional = sampler in ("tpe", "random")
    stopped = sampler != "gp" or rule == "none"
    fixed = [*overrides, "space.optimizer={value: sgd}"]
    for changes, able in ((overrides, conditional and stopped), (fixed, stopped)):
        text = DESIGN.replace(ADADELTA_CASE, "").replace("{optimizer: adamw}", "{optimizer: [adamw, adadelta]}")
        if changes is fixed:
            # One case is left, and applies in every trial.
            start, end = text.index("    - {when: {optimizer: [adamw"), text.index("  dropout")
            text = text[:start] + "    - {when: {optimizer: sgd}, log_uniform: [1.0e-3, 1.0]}\n" + text[end:]
        if able:
            parse_study(text, overrides=changes)
            continue
        with pytest.raises(StudyFileError, match=f"search.sampler {sampler} cannot do"):
            parse_study(text, overrides=changes)


def test_arm_that_searches_nothing_is_refused_beside_a_searching_one() -> None:
    fixed = "color_only: {class_loss_weight: 0, optimizer: sgd, learning_rate: 0.1, dropout: 0}"
    text = DESIGN.replace("color_only:      {class_loss_weight: 0}", fixed)
    with pytest.raises(StudyFileError, match="'color_only' searches nothing, so its 30 trials"):
        parse_study(text)
    assert parse_study(text, overrides=["search.trials_per_arm=1"]).arm_space("color_only").searched == ()
