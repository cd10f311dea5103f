"""Class lists: NYU40 by default, a template by its name, or a person's own file in YAML or JSON.

A file is a list of classes (or a mapping of `classes`, which is one, and a `title`), each with
`id` and `name` and, as one likes, `color` ([r, g, b] or "#rrggbb"), `synonyms` (further names),
`parent` (the name of a wider group, found by the annotator's search too) and `thing` (true, as by
default, or false: such a class has no instances to learn or to score).
"""

import colorsys
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from seggroup.classes import BENCHMARK20, CLASS_COLORS, NYU40, STUFF
from seggroup.errors import InputError
from seggroup.io.files import read_bytes, write_text
from seggroup.io.names import SYNONYMS
from seggroup.types import NONE, Labels

TEMPLATES = {
    "nyu40": "the 40 classes of ScanNet's labels",
    "scannet20": "the 20 classes of ScanNet's benchmark, with NYU40's ids",
    "scannet200": "the 200 classes of ScanNet200",
    "s3dis": "the 13 classes of S3DIS",
}

MAX_CLASSES = 2000
MAX_ID = 65535  # label files keep the class in 16 bits; 0 says "none" there
MAX_NAME = 80  # characters
_MAX_BYTES = 1_000_000
_MAX_NODES = 200_000  # of YAML
_MAX_DEPTH = 8
_KEYS = {"id", "name", "color", "synonyms", "parent", "thing"}
_FOLDER = Path(__file__).with_name("classes")  # of the templates that are files


@dataclass(frozen=True)
class Named:
    """A class: its name, its colour (sRGB), other names it is found by, whether it is a thing.

    parent : the name of a wider group
    """

    name: str
    color: tuple[int, int, int]
    synonyms: tuple[str, ...] = ()
    thing: bool = True
    parent: str | None = None

    @property
    def searched(self) -> tuple[str, ...]:
        """What a search finds the class by besides its name: synonyms and parent."""
        return self.synonyms if self.parent is None else (*self.synonyms, self.parent)


@dataclass(frozen=True)
class ClassList:
    """The classes by id, in the order of the file."""

    classes: dict[int, Named]
    title: str = ""

    @property
    def things(self) -> tuple[int, ...]:
        """The ids of the classes that have instances."""
        return tuple(i for i, named in self.classes.items() if named.thing)

    @property
    def names(self) -> dict[int, str]:
        """The name of every id."""
        return {i: named.name for i, named in self.classes.items()}

    def name(self, class_id: int) -> str:
        """The class's name, or ``class <id>`` for an id that is not in the list."""
        known = self.classes.get(class_id)
        return f"class {class_id}" if known is None else known.name

    def find(self, name: str) -> int | None:
        """The id of a class by a name or synonym, whatever its case; None where there is none."""
        wanted = plain(name)
        number = re.fullmatch(r"class (\d{1,9})", wanted)  # how `name` writes an unlisted id
        return self._ids.get(wanted, int(number[1]) if number else None)

    @cached_property
    def _ids(self) -> dict[str, int]:
        """Every name and synonym → id; names go before synonyms, then the earlier class.

        The parent's name finds a class that is the only one of its parent.
        """
        pairs = [(plain(s), i) for i, c in self.classes.items() for s in c.synonyms]
        parents = [(plain(c.parent), i) for i, c in self.classes.items() if c.parent is not None]
        often = Counter(parent for parent, _ in parents)
        only = {parent: i for parent, i in parents if often[parent] == 1}
        return only | dict(reversed(pairs)) | {plain(c.name): i for i, c in self.classes.items()}

    def near(self, name: str) -> list[str]:
        """Names of the list spelt like `name`, the nearest first; else its first three."""
        names = [n for c in self.classes.values() for n in (c.name, *c.synonyms)]
        return get_close_matches(name[:MAX_NAME], names, n=3, cutoff=0.5) or names[:3]


@cache
def nyu40() -> ClassList:
    """NYU40 with ScanNet's colours, and the names that ScanNet's table maps to each class."""
    return ClassList(
        {
            i: Named(
                name,
                _rgb(CLASS_COLORS[i].tolist()),
                tuple(SYNONYMS[name].split(", ")) if name in SYNONYMS else (),
                i not in STUFF,
            )
            for i, name in NYU40.items()
        },
        TEMPLATES["nyu40"],
    )


def template(name: str) -> ClassList:
    """A class list that is in the box: one of TEMPLATES. Raises InputError for another name."""
    if name not in TEMPLATES:
        raise InputError(_no_list(name))
    if name == "nyu40":
        return nyu40()
    if name == "scannet20":
        return ClassList({i: nyu40().classes[i] for i in BENCHMARK20}, TEMPLATES[name])
    return _file_template(name)


def class_list(place: str | Path) -> ClassList:
    """The class list of a file, or a template by its name (a file of that name goes first).

    Raises InputError that lists the templates, the nearest first, where it is neither.
    """
    if str(place) in TEMPLATES and not Path(place).is_file():
        return template(str(place))
    if not Path(place).exists():
        raise InputError(_no_list(str(place)))
    return read_class_list(Path(place))


def write_class_list(path: Path, classes: ClassList) -> None:
    """Write a class list as YAML, a class a line; `read_class_list` gives it back."""
    write_text(path, class_list_text(classes))


def class_list_text(classes: ClassList) -> str:
    """A class list as YAML, a class a line."""
    lines = [f"title: {_quoted(classes.title)}"] if classes.title else []
    lines.append("classes:")
    for class_id, named in classes.classes.items():
        parts = [f"id: {class_id}", f"name: {_quoted(named.name)}"]
        parts.append('color: "#{:02x}{:02x}{:02x}"'.format(*named.color))
        if named.parent is not None:
            parts.append(f"parent: {_quoted(named.parent)}")
        if not named.thing:
            parts.append("thing: false")
        if named.synonyms:
            parts.append(f"synonyms: [{', '.join(map(_quoted, named.synonyms))}]")
        lines.append(f"  - {{{', '.join(parts)}}}")
    return "\n".join(lines) + "\n"


def fitted(where: str | Path, labels: Labels, classes: ClassList) -> tuple[Labels, list[str]]:
    """Labels with the ids of a class list, and a note on those that were left out.

    NYU40's ids that a list with NYU40's names lacks (ScanNet's 20 of the 40) are left out: class
    and instance. Raises InputError for ids of any other list that it lacks, with the first few of
    them, their vertices and what to do; `where` names the file.
    """
    ids, counts = np.unique(labels.semantic, return_counts=True)
    other = (ids != NONE) & ~np.isin(ids, list(classes.classes))
    if not other.any():
        return labels, []
    foreign, vertices = ids[other], int(counts[other].sum())
    shown = ", ".join(map(str, foreign[:5])) + (" …" if len(foreign) > 5 else "")
    if not (is_nyu40(classes.names) and set(foreign.tolist()) <= set(NYU40)):
        raise InputError(
            f"{where}: {vertices} vertices have class ids that are not in the class list "
            f"({shown}); add them to the list, name the list that the labels were made with by "
            "--classes, or pass --no-truth where the command has it"
        )
    left = np.isin(labels.semantic, foreign)
    kept = replace(
        labels,
        semantic=np.where(left, np.int32(NONE), labels.semantic),
        instance=np.where(left, np.int32(NONE), labels.instance),
    )
    listed = ", ".join(NYU40[int(i)] for i in foreign[:5]) + (" …" if len(foreign) > 5 else "")
    note = f"{vertices} vertices of classes that the list does not have were left out ({listed})."
    return kept, [note]


def read_class_list(path: Path) -> ClassList:
    """The class list of a YAML or JSON file, by its content (JSON is YAML too).

    Raises InputError for a file over 1 MB, more than 2,000 classes, aliases, an id outside
    1 … 65535, an id, a name or a key given twice, a synonym
    that is another class's name, an unknown key, or a colour that is none.
    """
    value = _parse(path, read_bytes(path))
    rows, title = value, ""
    if isinstance(value, dict):
        rows, title = value.get("classes"), value.get("title") or ""
        if unknown := sorted(map(str, value.keys() - {"title", "classes"})):
            raise InputError(f"{path}: has {unknown[0]!r:.40}; known are classes and title")
        if title:
            title = _name(f"{path}: the title", title)
    if not isinstance(rows, list) or not rows:
        raise InputError(f"{path}: is no list of classes; write a list of {{id, name}}")
    if len(rows) > MAX_CLASSES:
        raise InputError(f"{path}: has {len(rows)} classes; at most {MAX_CLASSES} are taken")
    classes: dict[int, Named] = {}
    taken: dict[str, int] = {}
    for number, row in enumerate(rows):
        class_id, named = _class(path, number, row)
        if class_id in classes:
            raise InputError(f"{path}: two classes have the id {class_id}; number them anew")
        if (other := taken.setdefault(plain(named.name), class_id)) != class_id:
            raise InputError(f"{path}: {other} and {class_id} are both named {named.name!r}")
        classes[class_id] = named
    for class_id, named in classes.items():
        for synonym in named.synonyms:
            if (other := taken.get(plain(synonym), class_id)) != class_id:
                raise InputError(
                    f"{path}: {synonym!r} is a synonym of {named.name!r} but the name of class "
                    f"{other}; take it out of the synonyms"
                )
    return ClassList(classes, title)


def names_of_file(classes: Any) -> dict[str, int]:
    """Name → id of the `classes` ({id: name}) in a click file; what is no class is left out."""
    if not isinstance(classes, dict):
        return {}
    return {
        plain(name): int(key)
        for key, name in classes.items()
        if isinstance(name, str) and key.isascii() and key.isdigit() and len(key) < 10
    }


def is_nyu40(names: Mapping[int, str]) -> bool:
    """Whether ids carry NYU40's names, all of them."""
    return all(plain(NYU40.get(i, "")) == plain(name) for i, name in names.items())


def plain(name: str) -> str:
    """The name in lower case, with single spaces for blanks, underscores and hyphens."""
    return re.sub(r"[\s_-]+", " ", name).strip().lower()


def _parse(path: Path, data: bytes) -> Any:
    """The value of the file; nothing in it can make more of it than its bytes."""
    if len(data) > _MAX_BYTES:
        raise InputError(f"{path}: is larger than {_MAX_BYTES // 1000} kB; is it a class list?")
    try:
        text = data.decode("utf-8-sig")
        if path.suffix.lower() == ".json":
            return json.loads(text, object_pairs_hook=lambda pairs: _object(path, pairs))
        _check_events(path, yaml.parse(text, yaml.SafeLoader))
        _check_keys(path, yaml.compose(text, yaml.SafeLoader))
        return yaml.safe_load(text)
    except InputError:
        raise
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text; save it as UTF-8") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: is not valid YAML or JSON ({reason}); mend it") from error


def _check_events(path: Path, events: Iterable[yaml.Event]) -> None:
    """Refuse aliases (each can double what is built), deep nesting and too many nodes."""
    depth = 0
    for count, event in enumerate(events):
        if isinstance(event, yaml.AliasEvent):
            raise InputError(f"{path}: uses a YAML alias (*name); write the value out")
        opens = isinstance(event, yaml.CollectionStartEvent)
        closes = isinstance(event, yaml.CollectionEndEvent)
        depth += int(opens) - int(closes)
        if depth > _MAX_DEPTH or count > _MAX_NODES:
            raise InputError(f"{path}: is nested too deeply or too long; write a list of classes")


def _object(path: Path, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON. Raises InputError for a key given twice."""
    _check_once(path, [key for key, _ in pairs])
    return dict(pairs)


def _check_keys(path: Path, node: yaml.Node | None) -> None:
    """Refuse a mapping of YAML that gives a key twice: its last value would win."""
    if isinstance(node, yaml.MappingNode):
        _check_once(path, [str(key.value) for key, _ in node.value])
        for _, value in node.value:
            _check_keys(path, value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _check_keys(path, value)


def _check_once(path: Path, keys: list[str]) -> None:
    if len(set(keys)) < len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise InputError(f"{path}: gives {twice[:40]!r} twice for one class; keep one of them")


def _class(path: Path, number: int, row: Any) -> tuple[int, Named]:
    where = f"{path}: class {number + 1} of the list"
    match row:
        case {"id": int(class_id), "name": str(name)} if not isinstance(class_id, bool):
            pass
        case _:
            raise InputError(f"{where} needs an id (an integer) and a name")
    if unknown := sorted(map(str, row.keys() - _KEYS)):
        raise InputError(f"{where} has {unknown[0]!r}; known are {', '.join(sorted(_KEYS))}")
    if not 1 <= class_id <= MAX_ID:
        raise InputError(f"{where} has the id {class_id}; ids go from 1 to {MAX_ID}")
    if not isinstance(row.get("thing", True), bool):
        raise InputError(f"{where}: thing is true or false")
    synonyms = row.get("synonyms", [])
    if not isinstance(synonyms, list):
        raise InputError(f"{where}: synonyms are a list of names")
    parent = None if row.get("parent") is None else _name(where, row["parent"])
    names = [_name(where, text) for text in [name, *synonyms]]
    color = _color(where, row["color"]) if "color" in row else _own_color(class_id)
    return class_id, Named(names[0], color, tuple(names[1:]), row.get("thing", True), parent)


@cache
def _file_template(name: str) -> ClassList:
    return read_class_list(_FOLDER / f"{name}.yaml")


def _no_list(name: str) -> str:
    near = get_close_matches(name.lower(), TEMPLATES, n=1, cutoff=0.6)
    meant = f"did you mean {near[0]}? There are" if near else "there are the templates"
    return (
        f"{name}: does not exist as a file, and is no template; {meant} "
        f"{', '.join(TEMPLATES)}, and `seggroup classes NAME -o FILE` writes one out"
    )


def _quoted(text: str) -> str:
    """Text for YAML: as it is where it is plain words, else in quotes."""
    ambiguous = text.lower() in ("y", "n", "yes", "no", "on", "off", "true", "false", "null")
    simple = re.fullmatch(r"[A-Za-z][A-Za-z0-9]*( [A-Za-z0-9]+)*", text) and not ambiguous
    return text if simple else json.dumps(text, ensure_ascii=False)


def _name(where: str, text: Any) -> str:
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"{where}: its names must be text, not {text!r:.40}; quote them")
    if len(text) > MAX_NAME or not text.isprintable():
        raise InputError(f"{where}: {text!r:.40} is no name of at most {MAX_NAME} characters")
    return text.strip()


def _color(where: str, value: Any) -> tuple[int, int, int]:
    match value:
        case str() if re.fullmatch("#[0-9a-fA-F]{6}", value):
            return _rgb(bytes.fromhex(value[1:]))
        case [int(), int(), int()] if all(type(c) is int and 0 <= c <= 255 for c in value):
            return _rgb(value)
    raise InputError(f'{where}: {value!r:.40} is no colour; write [r, g, b] or "#rrggbb"')


def _own_color(class_id: int) -> tuple[int, int, int]:
    """A colour for a class without one: hues by the golden ratio, so that near ids differ."""
    hue = class_id * 0.618033988749895 % 1
    return _rgb([round(255 * c) for c in colorsys.hls_to_rgb(hue, 0.62, 0.55)])


def _rgb(values: Iterable[int]) -> tuple[int, int, int]:
    r, g, b = values
    return r, g, b
