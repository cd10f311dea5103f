"""`seggroup classes`: the class lists in the box, one of them or a file's, and a file to edit."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seggroup.cli.common import Device, Json, Seed, output, table

if TYPE_CHECKING:
    from seggroup.io.classlist import ClassList


def classes(
    name: Annotated[
        str | None, typer.Argument(help="A template, or a file; default: the templates.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write it as YAML, to be edited.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Write over a file that says something else.")
    ] = False,
    seed: Seed = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """What is in a class list, or which there are; with -o a template to make your own of.

    Every command that has --classes takes a template by its name, or such a file.
    """
    from seggroup.errors import InputError
    from seggroup.io.classlist import TEMPLATES, class_list, class_list_text, write_class_list
    from seggroup.io.files import read_bytes

    if name is None:
        if out is not None:
            raise InputError(f"-o {out}: which list? name one: {', '.join(TEMPLATES)}")
        rows = [{"template": key, "classes": text} for key, text in TEMPLATES.items()]
        output(json, {"templates": rows}, lambda: table(rows, ["template", "classes"]))
        return
    found = class_list(name)
    if out is not None:
        new = class_list_text(found).encode()
        if out.is_file() and not overwrite and read_bytes(out) != new:
            raise InputError(
                f"-o {out}: exists and says something else; name another file, or pass --overwrite"
            )
        write_class_list(out, found)
    result = summary(found) | {"output": None if out is None else str(out)}

    def show() -> None:
        if out is not None:
            print(out)
            return
        table(result["classes"], ["id", "name", "color", "thing", "parent", "synonyms"])

    output(json, result, show)


def summary(classes: "ClassList") -> dict[str, Any]:
    """A class list as rows."""
    rows = [
        {
            "id": class_id,
            "name": named.name,
            "color": "#{:02x}{:02x}{:02x}".format(*named.color),
            "thing": named.thing,
            "parent": named.parent,
            "synonyms": ", ".join(named.synonyms),
        }
        for class_id, named in classes.classes.items()
    ]
    return {"title": classes.title, "classes": rows}
