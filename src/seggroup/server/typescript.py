"""The page's types, made from `protocol.py`: ``python -m seggroup.server.typescript FILE``."""

import dataclasses
import sys
import types
import typing
from pathlib import Path

from seggroup.io.files import write_text
from seggroup.server import protocol

_PLAIN = {int: "number", float: "number", str: "string", bool: "boolean", type(None): "null"}
_ALIASES = ("Role", "Status", "Method", "Edit", "Operation")  # unions that have a name of their own


def typescript() -> str:
    """The TypeScript source: one type a union, one interface a dataclass, with their comments."""
    named = {_form(getattr(protocol, name)): name for name in _ALIASES}
    parts = ["// Made from src/seggroup/server/protocol.py by `make protocol`: do not edit."]
    for name in _ALIASES:
        parts.append(f"export type {name} = {_form(getattr(protocol, name))};")
    for value in vars(protocol).values():
        if isinstance(value, type) and dataclasses.is_dataclass(value):
            parts.append(_interface(value, named))
    return "\n\n".join(parts) + "\n"


def _interface(cls: type, named: dict[str, str]) -> str:
    lines = [line.strip() for line in (cls.__doc__ or "").strip().splitlines()]
    comment = "\n".join(f" * {line}".rstrip() for line in lines)
    hints = typing.get_type_hints(cls, include_extras=True)
    fields = []
    for field in dataclasses.fields(cls):
        form = _form(hints[field.name])
        optional = "" if field.default is dataclasses.MISSING else "?"
        fields.append(f"  {field.name}{optional}: {named.get(form, form)};")
    return f"/**\n{comment}\n */\nexport interface {cls.__name__} {{\n" + "\n".join(fields) + "\n}"


def _form(hint: object) -> str:
    """A Python type as a TypeScript type."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in _PLAIN:
        return _PLAIN[hint]  # type: ignore[index]
    if origin is typing.Annotated:
        return _form(arguments[0])
    if origin is typing.Literal:
        return " | ".join(f'"{value}"' for value in arguments)
    if origin in (typing.Union, types.UnionType):
        return " | ".join(_form(argument) for argument in arguments)
    if origin is list:
        inner = _form(arguments[0])
        return f"({inner})[]" if " " in inner else f"{inner}[]"
    if origin is tuple:
        return f"[{', '.join(_form(argument) for argument in arguments)}]"
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return hint.__name__
    raise TypeError(f"protocol.py uses {hint}, for which there is no TypeScript form here")


if __name__ == "__main__":
    write_text(Path(sys.argv[1]), typescript())
