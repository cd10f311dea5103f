"""What a run reports: plain values, and the same numbers as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from seggroup.evaluate.pseudo import jsonable
from seggroup.types import LEVELS


@dataclass(frozen=True)
class SceneReport:
    """One scene: its figures (`evaluate_pseudo`), clicks and captioned pictures (PNG bytes)."""

    name: str
    figures: Mapping[str, Any] = field(default_factory=dict)
    clicks: Mapping[str, float | int] = field(default_factory=dict)
    pictures: Sequence[tuple[str, bytes]] = ()


@dataclass(frozen=True)
class Stage:
    """What a stage of the run cost: seconds, and the peak memory in MB (None: not measured)."""

    name: str
    seconds: float | int
    memory: float | int | None = None


@dataclass(frozen=True)
class Report:
    """All that a run reports.

    levels : figures of `evaluate_pseudo` by level ("1" … "4", "final"), over all scenes
    baselines : the same figures of other methods on the same clicks, by name
    curve : by name, a value for every epoch
    """

    title: str
    summary: str = ""
    levels: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    baselines: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    scenes: Sequence[SceneReport] = ()
    curve: Mapping[str, Sequence[float | int]] = field(default_factory=dict)
    stages: Sequence[Stage] = ()
    configuration: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()

    @property
    def final(self) -> Mapping[str, Any]:
        """Figures of the last level there is; empty without any."""
        known = [self.levels[level] for level in LEVELS if level in self.levels]
        return known[-1] if known else {}


def settings(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """(dotted name, value) of nested settings, in their order."""
    flat: list[tuple[str, str]] = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat += settings(value, f"{prefix}{key}.")
        else:
            flat.append((f"{prefix}{key}", str(value)))
    return flat


def report_json(report: Report) -> dict[str, Any]:
    """The numbers of the report, without its pictures; null for NaN."""
    return jsonable(
        {
            "title": report.title,
            "summary": report.summary,
            "levels": dict(report.levels),
            "baselines": dict(report.baselines),
            "scenes": {
                scene.name: {"figures": dict(scene.figures), "clicks": dict(scene.clicks)}
                for scene in report.scenes
            },
            "curve": {name: list(values) for name, values in report.curve.items()},
            "stages": [
                {"name": s.name, "seconds": s.seconds, "memory": s.memory} for s in report.stages
            ],
            "configuration": dict(report.configuration),
            "versions": dict(report.versions),
            "notes": list(report.notes),
        }
    )
