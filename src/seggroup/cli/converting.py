"""`seggroup convert`."""

from seggroup.errors import InputError


def convert() -> None:
    """From one layout to another."""
    raise InputError("convert: is being written")
