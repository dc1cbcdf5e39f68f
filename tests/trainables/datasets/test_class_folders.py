"""class_folders.py: what lies in class folders, what is passed over, and what is refused with the remedy."""

from pathlib import Path

import pytest

from trainables.datasets.class_folders import list_photos


def put(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def test_photos_are_listed_by_class_and_name(tmp_path: Path) -> None:
    put(tmp_path, "b/2.jpg", "b/10.jpg", "a/z.jpg", "a/deeper/y.png", "a b/1.jpg")
    photos = list_photos(tmp_path, dataset="folder")
    assert photos.class_names == ("a", "a b", "b")
    assert photos.photo_names == ("a/deeper/y.png", "a/z.jpg", "a b/1.jpg", "b/10.jpg", "b/2.jpg")


def test_files_of_the_system_are_passed_over_and_strays_are_named(tmp_path: Path) -> None:
    names = ["a/1.jpg", "b/1.jpg", "a/.DS_Store", "a/._1.jpg", ".git/x", "__MACOSX/a/._1.jpg", "a/.thumbs/1.jpg"]
    put(tmp_path, *names, "notes.txt")
    photos = list_photos(tmp_path, dataset="folder")
    assert photos.photo_names == ("a/1.jpg", "b/1.jpg")
    assert photos.left_out == {"notes.txt": "lies in no class folder"}


def test_root_may_lie_in_a_hidden_folder(tmp_path: Path) -> None:
    put(tmp_path / ".hidden", "a/1.jpg", "b/1.jpg")
    assert list_photos(tmp_path / ".hidden", dataset="folder").photo_names == ("a/1.jpg", "b/1.jpg")


def test_ncd_is_found_with_or_without_its_inner_folder(tmp_path: Path) -> None:
    put(tmp_path, "ColorfulOriginal/Apple/Apple1.jpg", "ColorfulOriginal/Pear/pear1.jpg", "Gray/Apple/Apple1.jpg")
    outer, inner = (list_photos(root, dataset="ncd") for root in (tmp_path, tmp_path / "ColorfulOriginal"))
    assert outer == inner
    assert outer.photo_names == ("Apple/Apple1.jpg", "Pear/pear1.jpg")


@pytest.mark.parametrize("dataset", ["folder", "ncd"])
@pytest.mark.parametrize(
    ("names", "problem"),
    [(None, "is not a folder"), ([], "holds no class folder"), (["a/1.jpg", "1.jpg"], "only one class folder, 'a'")],
)
def test_unfit_folder_is_refused_with_the_remedy(
    tmp_path: Path, dataset: str, names: list[str] | None, problem: str
) -> None:
    root = tmp_path / "photos"
    if names is not None:
        root.mkdir()
        put(root, *names)
    remedy = "https://github.com/saeed-anwar/ColorSurvey.*ColorfulOriginal" if dataset == "ncd" else "<class>/<photo>"
    with pytest.raises(ValueError, match=f"photos' .*{problem}.*{remedy}"):
        list_photos(root, dataset=dataset)


def test_root_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "archive.zip").write_bytes(b"x")
    with pytest.raises(ValueError, match="is not a folder"):
        list_photos(tmp_path / "archive.zip", dataset="ncd")


def test_class_folder_without_photos_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "a/1.jpg", "b/1.jpg")
    (tmp_path / "c").mkdir()
    with pytest.raises(ValueError, match=r"Class folder 'c' .* holds no photo\. Fill it or remove it"):
        list_photos(tmp_path, dataset="folder")
