"""archives.py: what archives may contain, what they must not, and that nothing lands outside."""

import gzip
import io
import os
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from trainables.datasets import archives
from trainables.datasets.archives import HostileArchiveError, is_archive, unpack


def zipped(files: dict[str, bytes], **options: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = options.get("mode", 0o100644) << 16
            packed.writestr(info, content, compress_type=zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def member(name: str, content: bytes = b"x", **fields: object) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info.tobuf() + content + bytes(-len(content) % 512)


def tarred(*members: bytes) -> bytes:
    return b"".join(members) + bytes(1024)


GOOD = {"Apple/Apple1.jpg": b"apple" * 300, "Pear/deep/pear 2.jpg": b"", "notes.txt": bytes(512)}
PACKED: dict[str, Callable[[], bytes]] = {
    "zip": lambda: zipped(GOOD),
    "tar": lambda: tarred(*(member(name, content) for name, content in GOOD.items())),
    "tar.gz": lambda: gzip.compress(tarred(*(member(name, content) for name, content in GOOD.items()))),
}


def files_below(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", PACKED)
def test_files_are_unpacked_as_they_were_and_found_again(tmp_path: Path, kind: str) -> None:
    archive = tmp_path / f"photos.{kind}"
    archive.write_bytes(PACKED[kind]())
    assert is_archive(archive)
    target = unpack([archive], tmp_path / "out" / "photos")
    found = files_below(target)
    del found[archives.MARK]
    assert found == GOOD
    written = (target / "notes.txt").stat().st_mtime_ns
    assert unpack([archive], target) == target
    assert (target / "notes.txt").stat().st_mtime_ns == written
    assert not (target / "Apple/Apple1.jpg").stat().st_mode & 0o111


def test_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(PACKED["zip"]())
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"exists and was not unpacked from these archives.*--to"):
        unpack([tmp_path / "a.zip"], tmp_path / "thesis")
    assert files_below(tmp_path / "thesis") == {"notes.txt": b"mine"}


def holes() -> bytes:
    sparse = bytearray(member("holes.jpg", b"", type=tarfile.GNUTYPE_SPARSE))
    sparse[483:495] = b"77777777777\0"
    header = sparse[:512]
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header):06o}\0 ".encode()
    return tarred(bytes(header))


def lying_zip() -> bytes:
    """A gigabyte of zeros that claims to be a byte."""
    content = bytearray(zipped({"a/1.jpg": bytes(3_000_000)}))
    for marker, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", content, content.find(marker) + offset, 1)
    return bytes(content)


def crowded_zip(num_entries: int = 1_000_000) -> bytes:
    """A table of contents that declares a million entries."""
    content = bytearray(zipped(GOOD))
    end = content.rfind(b"PK\x05\x06")
    record = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, num_entries, num_entries, 46 * num_entries, 0)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, end, 1)
    return bytes(content[:end]) + record + locator + bytes(content[end:])


def encrypted_zip() -> bytes:
    content = bytearray(zipped(GOOD))
    for marker, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        position = content.find(marker)
        while position >= 0:
            content[position + offset] |= 1
            position = content.find(marker, position + 1)
    return bytes(content)


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "zip: above": (lambda: zipped({"../evil.jpg": b"x"}), "outside the target"),
    "zip: above, within": (lambda: zipped({"a/../../evil.jpg": b"x"}), "outside the target"),
    "zip: absolute": (lambda: zipped({"/tmp/evil.jpg": b"x"}), "outside the target"),
    "zip: above, of Windows": (lambda: zipped({"..\\evil.jpg": b"x"}), "outside the target"),
    "zip: drive of Windows": (lambda: zipped({"C:\\evil.jpg": b"x"}), "outside the target"),
    "zip: link": (lambda: zipped({"a": b"/etc/passwd"}, mode=0o120777), "a link or a device"),
    "zip: device": (lambda: zipped({"a": b""}, mode=0o020666), "a link or a device"),
    "zip: control characters": (lambda: zipped({"a\x1b[2J.jpg": b"x"}), "no name"),
    "zip: long name": (lambda: zipped({"a" * 300: b"x"}), "no name"),
    "zip: deep": (lambda: zipped({"a/" * 100 + "b": b"x"}), "no name"),
    "zip: our own mark": (lambda: zipped({archives.MARK: b"[]"}), "no name"),
    "zip: a file as folder": (lambda: zipped({"a": b"x", "a/b": b"x"}), "cannot be unpacked"),
    "zip: twice": (lambda: zipped({"a/B.jpg": b"x", "A/b.jpg": b"y"}), "twice"),
    "zip: lies about its size": (lying_zip, "cannot be unpacked|holds more"),
    "zip: bomb": (lambda: zipped({f"{number}.jpg": bytes(40_000) for number in range(80)}), "may still be written"),
    "zip: a million entries": (crowded_zip, "declares 1,000,000 entries"),
    "zip: encrypted": (encrypted_zip, "cannot be unpacked"),
    "zip: cut off": (lambda: zipped(GOOD)[:-30], "cut off"),
    "tar: above": (lambda: tarred(member("../evil.jpg")), "outside the target"),
    "tar: absolute": (lambda: tarred(member("/tmp/evil.jpg")), "outside the target"),
    "tar: link": (lambda: tarred(member("a", b"", type=tarfile.SYMTYPE, linkname="/etc")), "a link, a device"),
    "tar: hard link": (lambda: tarred(member("a", b"", type=tarfile.LNKTYPE, linkname="/etc/passwd")), "a link"),
    "tar: device": (lambda: tarred(member("a", b"", type=tarfile.BLKTYPE)), "a device"),
    "tar: pipe": (lambda: tarred(member("a", b"", type=tarfile.FIFOTYPE)), "a device"),
    "tar: holes": (holes, "holes"),
    "tar: declares a terabyte": (lambda: tarred(member("a", b"x", size=10**12)), "declares 1,000,000,000,000 bytes"),
    "tar: cut off": (lambda: member("a", bytes(5000))[:2000], "cannot be unpacked|cut off"),
    "tar: a name of gigabytes": (
        lambda: gzip.compress(tarred(member("././@LongLink", bytes(30_000_000), type=tarfile.GNUTYPE_LONGNAME))),
        "header of more than",
    ),
    "tar: names upon names": (
        lambda: tarred(*[member("././@LongLink", b"a", type=tarfile.GNUTYPE_LONGNAME)] * 5000),
        "header of more than|cannot be unpacked",
    ),
    "tar.gz: bomb": (
        lambda: gzip.compress(tarred(*(member(f"{number}.jpg", bytes(40_000)) for number in range(80)))),
        "may still be written",
    ),
    "tar.gz: cut off": (lambda: PACKED["tar.gz"]()[:-40], "cannot be unpacked|cut off"),
    "nothing": (lambda: b"", "cannot be unpacked"),
    "text": (lambda: b"not an archive\n" * 100, "cannot be unpacked"),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_archive_is_refused_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    make, rule = HOSTILE[kind]
    archive = tmp_path / "in" / "photos.zip"
    archive.parent.mkdir()
    archive.write_bytes(make())
    if "bomb" in kind:
        monkeypatch.setattr(archives, "MAX_TOTAL_BYTES", 1_000_000)
    with pytest.raises(HostileArchiveError, match=rule):
        unpack([archive], tmp_path / "out" / "photos")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["in", "out", "photos.zip"]


@pytest.mark.parametrize("kind", PACKED)
def test_too_many_entries_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(archives, "MAX_ENTRIES", 2)
    (tmp_path / "photos").write_bytes(PACKED[kind]())
    with pytest.raises(HostileArchiveError, match=r"more than 2 entries|declares 3 entries"):
        unpack([tmp_path / "photos"], tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("kind", PACKED)
def test_damaged_archives_are_unpacked_or_refused_and_nothing_lands_outside(tmp_path: Path, kind: str) -> None:
    content = PACKED[kind]()
    generator = np.random.default_rng(0)
    num_refused = 0
    for number in range(60):
        damaged = np.frombuffer(content, np.uint8).copy()
        places = generator.integers(0, len(damaged), generator.integers(1, 8))
        damaged[places] = generator.integers(0, 256, len(places))
        end = len(damaged) if generator.random() < 0.8 else int(generator.integers(0, len(damaged)))
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "archive").write_bytes(damaged[:end].tobytes())
        try:
            unpack([folder / "archive"], folder / "out")
        except ValueError as error:
            assert str(folder) in str(error)
            num_refused += 1
            assert os.listdir(folder) == ["archive"]
        else:
            assert sorted(os.listdir(folder)) == ["archive", "out"]
            assert not any(path.is_symlink() for path in (folder / "out").rglob("*"))
    assert sorted(os.listdir(tmp_path)) == sorted(map(str, range(60)))
    assert num_refused > 10
