"""`seggroup export`."""

from seggroup.errors import InputError


def export() -> None:
    """Write labels in the form that a trainer reads."""
    raise InputError("export: is being written")
