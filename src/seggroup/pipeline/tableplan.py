"""What the paper's tables compare: a row is labels of some form, and the model that learns them."""

from dataclasses import dataclass
from typing import Literal

from seggroup.downstream.config import ModelName
from seggroup.errors import InputError
from seggroup.evaluate.papertables import (
    ACTIVE,
    MANUAL,
    MECHANICAL,
    PAPER_TABLES,
    POINT,
    SCENE,
    SEG,
    SUBCLOUD,
    PaperRow,
)
from seggroup.evaluate.table import LEVEL_NAMES
from seggroup.types import LEVELS


@dataclass(frozen=True)
class Supply:
    """The labels that a model learns from.

    form  : every point; clicks spread by SegGroup; `number` points a scene in the active order;
            classes of subclouds or of the scene, turned into labels by class activation
    equal : only the scenes that the time of the protocol's clicks buys
    style : of the clicks; "": the protocol's, or the real ones; "manual": the real ones or noisy
    """

    form: Literal["dense", "clicks", "active", "subcloud", "scene"]
    equal: bool = False
    style: str = ""
    number: int = 0

    @property
    def tagged(self) -> bool:
        """Whether only classes of sets of points are known."""
        return self.form in ("subcloud", "scene")

    @property
    def word(self) -> str:
        """Its name in the names of folders."""
        parts = [self.form, self.style, str(self.number or ""), "equal" if self.equal else ""]
        return "-".join(part for part in parts if part)


@dataclass(frozen=True)
class Row:
    """A row of a table.

    model : None where the labels themselves are measured (Table 1)
    level : of SegGroup's labels, in Table 1
    """

    table: int
    name: str
    group: str
    supply: Supply
    model: ModelName | None = None
    level: str = ""

    @property
    def paper(self) -> PaperRow | None:
        """The paper's row; None for a row that the paper does not have."""
        return PAPER_TABLES[self.table].row(self.name, self.group)


_DENSE, _CLICKS = Supply("dense"), Supply("clicks")
_SUBCLOUD, _SCENE = Supply("subcloud"), Supply("scene")
_CSC20, _CSC50 = Supply("active", number=20), Supply("active", number=50)
_DENSE_SHARE, _SUBCLOUD_SHARE = Supply("dense", equal=True), Supply("subcloud", equal=True)

ROWS: tuple[Row, ...] = (
    *(Row(1, LEVEL_NAMES[level], SEG, _CLICKS, level=level) for level in LEVELS),
    Row(1, "MPRM, subcloud", SUBCLOUD, _SUBCLOUD),
    Row(1, "MPRM, scene", SCENE, _SCENE),
    Row(2, "PointGroup", POINT, _DENSE, "pointgroup"),
    Row(2, "SegGroup (PointGroup)", SEG, _CLICKS, "pointgroup"),
    Row(3, "PointGroup", POINT, _DENSE_SHARE, "pointgroup"),
    Row(3, "CSC-20 (PointGroup)", ACTIVE, _CSC20, "pointgroup"),
    Row(3, "CSC-50 (PointGroup)", ACTIVE, _CSC50, "pointgroup"),
    Row(3, "SegGroup (PointGroup)", SEG, _CLICKS, "pointgroup"),
    Row(4, "KPConv", POINT, _DENSE, "kpconv"),
    Row(4, "U-Net", POINT, _DENSE, "unet"),
    Row(4, "MPRM (KPConv)", SUBCLOUD, _SUBCLOUD, "kpconv"),
    Row(4, "SegGroup (KPConv)", SEG, _CLICKS, "kpconv"),
    Row(4, "SegGroup (U-Net)", SEG, _CLICKS, "unet"),
    Row(5, "KPConv", POINT, _DENSE_SHARE, "kpconv"),
    Row(5, "U-Net", POINT, _DENSE_SHARE, "unet"),
    Row(5, "MPRM (KPConv)", SUBCLOUD, _SUBCLOUD_SHARE, "kpconv"),
    Row(5, "CSC-20 (MinkowskiNet)", ACTIVE, _CSC20, "unet"),
    Row(5, "CSC-50 (MinkowskiNet)", ACTIVE, _CSC50, "unet"),
    Row(5, "SegGroup (KPConv)", SEG, _CLICKS, "kpconv"),
    Row(5, "SegGroup (U-Net)", SEG, _CLICKS, "unet"),
    Row(6, "Top-1 segment", MANUAL, Supply("clicks", style="manual"), "pointgroup"),
    *(
        Row(6, f"Top-{n} segment", MECHANICAL, Supply("clicks", style=f"top{n}"), "pointgroup")
        for n in (1, 2, 3)
    ),
)


def rows_of(tables: tuple[int, ...]) -> tuple[Row, ...]:
    """The rows of some tables, in order. Raises InputError for a table that the paper lacks."""
    for table in tables:
        if table not in PAPER_TABLES:
            raise InputError(f"there is no table {table} to remake; name some of 1 to 6, or all")
    return tuple(row for row in ROWS if row.table in tables)
