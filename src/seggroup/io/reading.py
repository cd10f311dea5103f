"""How a person says a scan is to be read, where its file does not."""

from dataclasses import dataclass
from typing import Literal

from seggroup.io.classlist import ClassList

Unit = Literal["auto", "m", "cm", "mm", "ft", "in"]
Up = Literal["auto", "x", "y", "z", "-x", "-y", "-z"]


@dataclass(frozen=True)
class Reading:
    """What is stated of scans; `auto` is what the format says, else what is recognised.

    unit    : of the file's coordinates
    up      : the file's axis that points up
    classes : the class list whose names and ids the truth is in; None: NYU40
    """

    unit: Unit = "auto"
    up: Up = "auto"
    classes: ClassList | None = None


AS_FOUND = Reading()
