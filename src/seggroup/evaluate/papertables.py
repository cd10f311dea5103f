"""The paper's tables 1 to 6 as printed, per cent on ScanNet (Table 1 by class is in `table`).

Every table is a list of rows under the kind of labels they learn from. A dash in print is a
figure left out here.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from seggroup.classes import BENCHMARK20, class_name
from seggroup.evaluate.table import LEVEL_NAMES, PAPER_TABLE1
from seggroup.types import LEVELS


@dataclass(frozen=True)
class PaperRow:
    """A row of a table: figures by metric, and the training scenes where the table says them."""

    name: str
    group: str
    figures: Mapping[str, float]
    scenes: int | None = None


@dataclass(frozen=True)
class PaperTable:
    """A table: what it measures (`metrics`) and on which of ScanNet's scenes (`measured_on`)."""

    number: int
    title: str
    metrics: Mapping[str, str]  # key: head
    measured_on: str
    rows: tuple[PaperRow, ...]

    def row(self, name: str, group: str) -> PaperRow | None:
        """The row of that name under that kind of labels; None where the paper has none."""
        return next((r for r in self.rows if (r.name, r.group) == (name, group)), None)


POINT = "Point-level labels"
SEG = "Seg-level labels"
SUBCLOUD = "Subcloud-level labels"
SCENE = "Scene-level labels"
ACTIVE = "Points by active order"
MANUAL = "Manual clicks"
MECHANICAL = "Mechanical clicks"

_AP = {"ap": "AP", "ap50": "AP50", "ap25": "AP25"}
_MIOU = {"miou": "mIoU"}


def _ap(name: str, group: str, figures: str, scenes: int | None = None) -> PaperRow:
    """A row of instance figures: AP, AP50 and AP25, `-` where there is none."""
    values = zip(_AP, figures.split(), strict=True)
    return PaperRow(name, group, {key: float(v) for key, v in values if v != "-"}, scenes)


def _miou(name: str, group: str, figure: float, scenes: int | None = None) -> PaperRow:
    return PaperRow(name, group, {"miou": figure}, scenes)


def _by_class(name: str, group: str, values: tuple[float, ...]) -> PaperRow:
    """A row of Table 1: the 20 classes, then their mean."""
    keys = [*map(class_name, BENCHMARK20), "miou"]
    return PaperRow(name, group, dict(zip(keys, values, strict=True)), 1201)


_MPRM = {
    "MPRM, scene": "47.3 41.1 10.4 43.2 25.2 43.1 21.9 9.8 12.3 45.0 9.0 13.9 21.1 40.9 1.8 "
    "29.4 14.3 9.2 39.9 10.0 24.4",
    "MPRM, subcloud": "58.0 57.3 33.2 71.8 50.4 69.8 47.9 42.1 44.9 73.8 28.0 21.5 49.5 72.0 "
    "38.8 44.1 42.4 20.0 48.7 34.4 47.4",
}
_TABLE1 = PaperTable(
    1,
    "Pseudo labels: semantic IoU by level and class",
    {"miou": "Mean", **{class_name(i): class_name(i) for i in BENCHMARK20}},
    "training set",
    tuple(
        _by_class(name, SCENE if "scene" in name else SUBCLOUD, tuple(map(float, row.split())))
        for name, row in _MPRM.items()
    )
    + tuple(_by_class(LEVEL_NAMES[level], SEG, PAPER_TABLE1[level]) for level in LEVELS),
)
_TABLE2 = PaperTable(
    2,
    "Instance segmentation with the labels of all training scenes",
    _AP,
    "test set",
    (
        _ap("OccuSeg", POINT, "48.6 67.2 78.8"),
        _ap("PointGroup", POINT, "40.7 63.6 77.8"),
        _ap("3D-MPA", POINT, "35.5 61.1 73.7"),
        _ap("MTML", POINT, "28.2 54.9 73.1"),
        _ap("3D-BoNet", POINT, "25.3 48.8 68.7"),
        _ap("3D-SIS", POINT, "16.1 38.2 55.8"),
        _ap("GSPN", POINT, "15.8 30.6 54.4"),
        _ap("SGPN", POINT, "4.9 14.3 39.0"),
        _ap("SegGroup (PointGroup)", SEG, "24.6 44.5 63.7"),
    ),
)
_TABLE3 = PaperTable(
    3,
    "Instance segmentation for the same labelling time",
    _AP,
    "validation set",
    (
        _ap("PointGroup", POINT, "9.4 19.9 36.4", 104),
        _ap("CSC-20 (PointGroup)", ACTIVE, "- 27.2 -", 1201),
        _ap("CSC-50 (PointGroup)", ACTIVE, "- 35.7 -", 1201),
        _ap("SegGroup (PointGroup)", SEG, "23.4 43.4 62.9", 1201),
    ),
)
_TABLE4 = PaperTable(
    4,
    "Semantic segmentation with the labels of all training scenes",
    _MIOU,
    "test set",
    (
        _miou("OccuSeg", POINT, 76.4),
        _miou("MinkowskiNet", POINT, 73.4),
        _miou("JSENet", POINT, 69.9),
        _miou("FusionNet", POINT, 68.8),
        _miou("KPConv", POINT, 68.4),
        _miou("DCM-Net", POINT, 65.8),
        _miou("HPEIN", POINT, 61.8),
        _miou("SegGCN", POINT, 58.9),
        _miou("TextureNet", POINT, 56.6),
        _miou("3DMV", POINT, 48.8),
        _miou("PointCNN", POINT, 45.8),
        _miou("PointNet++", POINT, 33.9),
        _miou("ScanNet", POINT, 30.6),
        _miou("MPRM (KPConv)", SUBCLOUD, 41.1),
        _miou("SegGroup (KPConv)", SEG, 61.1),
    ),
)
_TABLE5 = PaperTable(
    5,
    "Semantic segmentation for the same labelling time",
    _MIOU,
    "validation set",
    (
        _miou("KPConv", POINT, 53.2, 104),
        _miou("MPRM (KPConv)", SUBCLOUD, 41.5, 773),
        _miou("CSC-20 (MinkowskiNet)", ACTIVE, 53.8, 1201),
        _miou("CSC-50 (MinkowskiNet)", ACTIVE, 62.9, 1201),
        _miou("SegGroup (KPConv)", SEG, 62.4, 1201),
    ),
)
_TABLE6 = PaperTable(
    6,
    "Instance segmentation by the manner of clicking",
    _AP,
    "validation set",
    (
        _ap("Top-1 segment", MANUAL, "23.4 43.4 62.9", 1201),
        _ap("Top-1 segment", MECHANICAL, "24.8 46.2 64.6", 1201),
        _ap("Top-2 segment", MECHANICAL, "25.0 43.9 62.6", 1201),
        _ap("Top-3 segment", MECHANICAL, "24.2 43.0 62.4", 1201),
    ),
)
PAPER_TABLES = {
    table.number: table for table in (_TABLE1, _TABLE2, _TABLE3, _TABLE4, _TABLE5, _TABLE6)
}
