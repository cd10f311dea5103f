"""`seggroup users` and `seggroup stats`: what is in an annotation database besides clicks."""

import getpass
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from seggroup.cli.common import Device, Json, Seed, output, table
from seggroup.errors import InputError

DATABASE = "annotations.sqlite"

Place = Annotated[
    str,
    typer.Option("--database", help="A file of SQLite, or the URL of a PostgreSQL database."),
]
UserName = Annotated[str, typer.Argument(help="The person's name.", metavar="NAME")]
RoleOption = Annotated[
    Literal["annotator", "reviewer", "admin"],
    typer.Option(help="annotator: own tracks; reviewer: accepts and sends back; admin: both."),
]

users_app = typer.Typer(
    help="The people who may sign in to the annotator.", no_args_is_help=True, add_completion=False
)


@users_app.command("add")
def add_user(
    name: UserName,
    role: RoleOption = "annotator",
    database: Place = DATABASE,
    seed: Seed = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Add a person; the password is asked for, or is the first line of standard input."""
    opened = open_database(database, new=True)
    opened.add_user(name, _password(), role)
    output(json, {"name": name, "role": role}, lambda: print(f"{name} may sign in ({role})"))


@users_app.command("remove")
def remove_user(
    name: UserName,
    database: Place = DATABASE,
    seed: Seed = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Remove a person; what they annotated stays."""
    open_database(database).remove_user(name)
    output(json, {"removed": name}, lambda: print(f"{name} may no longer sign in"))


@users_app.command("role")
def change_role(
    name: UserName,
    role: RoleOption,
    database: Place = DATABASE,
    seed: Seed = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Give a person another role; they sign in again."""
    open_database(database).set_role(name, role)
    output(json, {"name": name, "role": role}, lambda: print(f"{name} is now {role}"))


@users_app.command("password")
def change_password(
    name: UserName,
    database: Place = DATABASE,
    seed: Seed = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Give a person another password; they sign in again."""
    opened = open_database(database)
    opened.set_password(name, _password())
    output(json, {"name": name}, lambda: print(f"{name} has a new password"))


@users_app.command("list")
def list_users(
    database: Place = DATABASE, seed: Seed = 0, device: Device = "auto", json: Json = False
) -> None:
    """Everybody who may sign in."""
    rows = [asdict(account) for account in open_database(database).users()]
    output(json, {"users": rows}, lambda: table(rows, ["name", "role"]))


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass("password: ")
    if first != getpass.getpass("again: "):
        raise InputError("the two passwords differ; try again")
    return first


def shown(place: str) -> str:
    """The database as it may be printed: without a password."""
    return re.sub(r"(://[^:/@]*):.*@", r"\1:***@", place)


def open_database(place: str, new: bool = False):  # type: ignore[no-untyped-def]
    """The database; a file must be there unless a new one may be made."""
    from seggroup.server.database import Database

    if not new and "://" not in place and not Path(place).exists():
        raise InputError(f"{place}: does not exist; name the annotator's --database")
    return Database(place)


# --- figures ----------------------------------------------------------------------------------


def show_stats(database: str, as_json: bool) -> None:
    """Print how long every track took, and the minutes a scene beside the paper's measure."""
    from seggroup.server.stats import stats

    found = asdict(stats(open_database(database)))
    columns = ["scene", "annotator", "status", "instances", "clicks", "undone"]
    columns += ["active_seconds", "first_click_seconds", "seconds_per_instance"]

    def show() -> None:
        table(found["tracks"], columns)
        print(
            f"minutes per scene: {_minutes(found['minutes_per_scene'])} active, "
            f"{_minutes(found['paper_minutes_per_scene'])} from the first click to the end "
            "(the paper's measure: 1.93)"
        )

    output(as_json, found, show)


def _minutes(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
