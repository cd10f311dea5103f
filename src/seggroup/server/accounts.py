"""Names, passwords and session tokens: what is fit, and what of them is stored."""

import hashlib
import hmac
import secrets
import unicodedata
from dataclasses import dataclass

from seggroup.errors import InputError
from seggroup.server.protocol import Role

LONGEST_NAME, SHORTEST_PASSWORD = 80, 8
# scrypt's cost: 32 MiB and about 0.3 s a password (OWASP's N = 2^15, r = 8, p = 3).
COST, BLOCK, PARALLEL = 1 << 15, 8, 3


@dataclass(frozen=True)
class Account:
    """Somebody who is signed in, or may sign in."""

    name: str
    role: Role


def fit_name(name: str) -> str:
    """The name as it is stored: composed Unicode. Raises InputError where it cannot be one."""
    name = composed(name)
    fits = 1 <= len(name) <= LONGEST_NAME and name.isprintable() and name == name.strip()
    if not fits or name in (".", ".."):  # which browsers take out of addresses
        raise InputError(
            f"{name[:LONGEST_NAME]!r}: is no user's name; use 1 to {LONGEST_NAME} printable "
            "characters without space at the ends, and not only dots"
        )
    return name


def composed(text: str) -> str:
    """Composed Unicode (NFC), so that two keyboards write one name or password alike."""
    return unicodedata.normalize("NFC", text)


def hash_password(password: str) -> str:
    """What is stored of a password: "scrypt$N$r$p$salt$hash", of a new salt.

    Raises InputError where it is too short.
    """
    if len(password) < SHORTEST_PASSWORD:
        raise InputError(
            f"the password has {len(password)} characters; use at least {SHORTEST_PASSWORD}"
        )
    salt = secrets.token_bytes(16)
    digest = _scrypt(password, salt, COST, BLOCK, PARALLEL)
    return f"scrypt${COST}${BLOCK}${PARALLEL}${salt.hex()}${digest.hex()}"


def is_password(password: str, stored: str | None) -> bool:
    """Whether the password is the stored one; takes as long where nothing is stored."""
    if stored is None:
        _scrypt(password, bytes(16), COST, BLOCK, PARALLEL)
        return False
    _, cost, block, parallel, salt, digest = stored.split("$")
    found = _scrypt(password, bytes.fromhex(salt), int(cost), int(block), int(parallel))
    return hmac.compare_digest(found, bytes.fromhex(digest))


def token_digest(token: str) -> str:
    """What is stored of a session's token: its SHA-256 (it is random: no salt, no cost)."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _scrypt(password: str, salt: bytes, cost: int, block: int, parallel: int) -> bytes:
    secret = composed(password).encode("utf-8", "surrogatepass")
    memory = 128 * block * (cost + parallel + 2)
    return hashlib.scrypt(secret, salt=salt, n=cost, r=block, p=parallel, maxmem=memory, dklen=32)
