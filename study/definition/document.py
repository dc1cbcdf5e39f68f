"""A YAML 1.2 file as plain values, with the place of every key, so that an error can name its line.

A path is the tuple of keys and list positions that leads to a value: ("space", "learning_rate", 1, "log_uniform").
"""

import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.scalarbool import ScalarBoolean

from study.errors import Path, Problem, StudyFileError, nearest
from study.storage.path import StoragePath, read_bytes


@dataclass
class Document:
    """One YAML file: its text, ruamel's tree (which keeps comments), and where each path stands."""

    name: str
    text: str
    tree: CommentedMap
    places: dict[Path, str] = field(default_factory=dict)

    def place(self, path: Path) -> str:
        """`file:line` of the path, or of the nearest key above it; for an overridden value the override itself."""
        while path not in self.places:
            path = path[:-1]
        return self.places[path]

    def plain(self) -> dict[str, Any]:
        """The tree as plain dicts, lists, texts, numbers, booleans and None. Fills in the places."""
        overridden = {path: place for path, place in self.places.items() if not place.startswith(f"{self.name}:")}
        self.places = {(): f"{self.name}:1"}
        plain: dict[str, Any] = self._plain(self.tree, ())
        for path, place in overridden.items():
            self.places = {at: where for at, where in self.places.items() if at[: len(path)] != path}
            self.places[path] = place
        return plain

    def _plain(self, value: Any, path: Path) -> Any:
        if isinstance(value, CommentedMap):
            for key in value:
                if not isinstance(key, str):
                    raise self.error(path, f"a key must be text, but got {key!r}; write it in quotes.")
                if key in (value.lc.data or ()):
                    self.places[(*path, key)] = f"{self.name}:{value.lc.key(key)[0] + 1}"
            return {str(key): self._plain(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, CommentedSeq):
            for index in range(len(value)):
                if index in (value.lc.data or ()):
                    self.places[(*path, index)] = f"{self.name}:{value.lc.item(index)[0] + 1}"
            return [self._plain(item, (*path, index)) for index, item in enumerate(value)]
        if isinstance(value, ScalarBoolean | bool):
            return bool(value)
        for kind in (int, float, str):
            if isinstance(value, kind):
                return kind(value)
        if value is None:
            return None
        raise self.error(path, f"a value must be text, a number, true, false or null, but got {value!s}; use quotes.")

    def error(self, path: Path, text: str) -> StudyFileError:
        return StudyFileError([f"{self.place(path)}: {dotted(path)}{': ' if path else ''}{text}"])

    def errors(self, problems: Sequence[Problem]) -> StudyFileError:
        return StudyFileError(
            list(dict.fromkeys(f"{self.place(problem.path)}: {problem.text}" for problem in problems))
        )


def dotted(path: Path) -> str:
    return ".".join(str(key) for key in path)


def read_text(path: StoragePath) -> str:
    """The file's text; a missing, unreadable or empty one is a StudyFileError."""
    if path.is_dir():
        raise StudyFileError([f"{path} is a folder, but a study is one YAML file; name the file inside it."])
    try:
        return read_bytes(path).decode()
    except FileNotFoundError:
        siblings = [str(file) for file in path.parent.glob("*.yaml")] if path.parent.is_dir() else []
        hint = nearest(str(path), siblings) or "Give the path of a study file."
        raise StudyFileError([f"{path} does not exist. {hint}"]) from None
    except UnicodeDecodeError as error:
        raise StudyFileError(
            [f"{path} is not text in UTF-8 ({error.reason} at byte {error.start}); save it so."]
        ) from None
    except OSError as error:
        raise StudyFileError([f"{path} cannot be read ({error.strerror}); check its permissions."]) from None


def parse(text: str, name: str) -> Document:
    """The document in the text; bad YAML, a duplicate key or anything but one mapping is a StudyFileError."""
    try:
        tree = _yaml().load(text)
    except MarkedYAMLError as error:
        began_there = str(error.context).startswith(("while scanning a simple key", "while parsing a flow"))
        mark = error.context_mark if began_there else error.problem_mark or error.context_mark
        problem = str(error.problem or error.context or error).splitlines()[0].split(" with value")[0]
        line = (mark.line if mark else 0) + 1
        if "\\t" in problem:
            problem = "a tab stands where YAML wants spaces"
        remedy = "each key may stand once; remove one" if "duplicate key" in problem else "correct the line"
        raise StudyFileError([f"{name}:{line}: not valid YAML 1.2: {problem}; {remedy}."]) from None
    except ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise StudyFileError(
            [f"{name}:{line}: character {error.character!r} is not allowed in YAML; remove it."]
        ) from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise StudyFileError([f"{name}:1: not valid YAML 1.2: {str(error).splitlines()[0]}; correct it."]) from None
    if tree is None:
        raise StudyFileError([f"{name}:1: the file is empty; a study needs at least name, question, data, arms."])
    if not isinstance(tree, CommentedMap):
        raise StudyFileError([f"{name}:1: a study is a mapping of `key: value` lines, but got {_kind(tree)}."])
    return Document(name, text, tree)


def override(document: Document, override: str, *, closed: Collection[str] = ()) -> None:
    """Sets one value of the tree from `key.path=value`, value in YAML; `--set`'s work.

    Only the last two keys may be new (a section and a key in it, left out of the file), so that a misspelt path is an
    error; inside the `closed` sections every name must exist. Whether a new key has a meaning is checked later.
    """
    label = f"--set {override}"
    key_path, equals, value_text = override.partition("=")
    keys = key_path.strip().split(".")
    if not equals or not all(keys):
        raise StudyFileError([f"{label}: an override reads key.path=value, such as data.root=photos."])
    try:
        value = _yaml().load(value_text)
    except (YAMLError, ValueError):
        raise StudyFileError([f"{label}: {value_text!r} is not a YAML value; quote it."]) from None
    node: Any = document.tree
    path: Path = ()
    for depth, key in enumerate(keys):
        last = depth == len(keys) - 1
        index = _position(node, key, f"{label}: {dotted(path) or 'the study'}")
        path = (*path, index)
        is_new = isinstance(node, CommentedMap) and index not in node
        if is_new and (depth > 1 or (depth == 1 and (not last or keys[0] in closed))):
            known = [str(name) for name in node]
            where = dotted(path[:-1])
            raise StudyFileError([f"{label}: {where} has no key {key!r} in the file. {nearest(key, known)}"])
        if last:
            node[index] = value
        else:
            if is_new or node[index] is None:
                node[index] = CommentedMap()
                document.places[path] = label
            node = node[index]
    document.places = {at: place for at, place in document.places.items() if at[: len(path)] != path}
    document.places[path] = label


def _position(node: Any, key: str, where: str) -> str | int:
    """The key as a key of this node: text for a mapping, a number for a list."""
    if isinstance(node, CommentedMap):
        return key
    if isinstance(node, CommentedSeq):
        if key.isdecimal() and int(key) < len(node):
            return int(key)
        raise StudyFileError([f"{where} is a list; name an entry by its number, 0 to {len(node) - 1}, not {key!r}."])
    raise StudyFileError([f"{where} is the value {node!r} and has no key {key!r} under it; set the value itself."])


def dump(tree: Any) -> str:
    """The tree, or plain values, as YAML text; a tree keeps its comments."""
    stream = io.StringIO()
    _yaml().dump(tree, stream)
    return stream.getvalue()


def _yaml() -> YAML:
    yaml = YAML(typ="rt")
    yaml.width = 4096
    yaml.preserve_quotes = True
    return yaml


def _kind(value: Any) -> str:
    return "a list" if isinstance(value, CommentedSeq) else f"the single value {str(value)[:40]!r}"
