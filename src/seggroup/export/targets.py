"""The targets by the name that `--to` takes."""

from seggroup.export.target import Target

TARGETS: dict[str, Target] = {}
