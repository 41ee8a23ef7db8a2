"""The town's secret key: a file of random letters that only its owner may read.

It signs sessions and cookies, is part of the keys of code apps and of the links in messages, and hides visitors'
addresses. It is made once and never shown; :func:`replace` is for when somebody else may have seen it.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from townhall import private
from townhall.errors import ConfigurationError

#: The file, inside the instance's folder.
SECRET_FILE = "secret_key"  # noqa: S105  # a file's name
SHORTEST = 32
#: Different characters that a key made by chance has in any case.
_FEWEST = 12


def is_there(instance: Path) -> bool:
    """Whether this instance has a key: whoever has one has been opened before."""
    return (instance / SECRET_FILE).exists()


def read(instance: Path) -> bytes:
    """The key of this instance, made if there is none. Raises :class:`~townhall.errors.ConfigurationError`."""
    file = instance / SECRET_FILE
    try:
        text = file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return make(instance)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}: the secret key can't be read: {error}.") from error
    if len(text) < SHORTEST:
        raise ConfigurationError(f"{file}: the secret key is too short; delete the file to get a new one.")
    return text.encode("ascii")


def make(instance: Path) -> bytes:
    """Write a new key that only the owner may read. If another process was faster, its key counts."""
    file = instance / SECRET_FILE
    text = secrets.token_urlsafe(48)
    try:
        private.write_new(file, f"{text}\n")
    except FileExistsError:
        return read(instance)
    except OSError as error:
        raise ConfigurationError(f"{file}: the secret key can't be written: {error}.") from error
    return text.encode("ascii")


def replace(instance: Path) -> None:
    """Put a new key in the place of the old one, at once. Raises :class:`~townhall.errors.ConfigurationError`."""
    file = instance / SECRET_FILE
    fresh = file.with_name(f".{SECRET_FILE}.{secrets.token_hex(8)}")
    try:
        private.write(fresh, secrets.token_urlsafe(48) + "\n")
        fresh.replace(file)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise ConfigurationError(f"{file}: the secret key can't be written: {error}.") from error


def is_weak(key: bytes) -> bool:
    """Whether a key looks like one that somebody made up, such as the same few letters again and again."""
    return len(set(key)) < _FEWEST
