"""`seggroup check`."""

from seggroup.errors import InputError


def check() -> None:
    """What a folder of scans and labels holds, and what is suspicious in it."""
    raise InputError("check: is being written")
