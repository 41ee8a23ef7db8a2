"""Everything that Townhall raises on purpose, and who reads it.

::

    TownhallError                 base; the message is always one plain sentence
    ├── ConfigurationError        IT: a setting or file of the instance is wrong
    ├── PluginError               IT and vendors: a plugin can't be found, read or switched
    ├── NotFound                  whoever asked: no such record, or none that the actor may know of
    ├── Forbidden                 whoever asked: the actor may not do this
    ├── Outdated                  an administrator: somebody else changed the town's layer meanwhile
    ├── Conflict                  a clerk: the record changed since it was opened
    ├── Rejected                  whoever typed: a plugin or rule refuses, with a reason for people
    └── ValidationFailed          whoever typed: what is wrong with each field
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from townhall.records.types import Record


class TownhallError(Exception):
    """Base of all. ``str(error)`` is a sentence that may be shown to the person."""


class ConfigurationError(TownhallError):
    """The instance's settings or files can't be used."""


class PluginError(TownhallError):
    """A plugin can't be found, read or switched."""


class NotFound(TownhallError):
    """There is no such record, or none that the actor may know of."""


class Forbidden(TownhallError):
    """The actor may not do this."""


class Rejected(TownhallError):
    """Refused on purpose by a rule or a plugin; ``field`` says where to show it, if anywhere."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class Outdated(TownhallError):
    """Somebody else changed the town's own layer since the actor looked at it; nothing was saved."""


class Conflict(TownhallError):
    """The record changed since the actor read it; ``current`` is how it stands now."""

    def __init__(self, message: str, current: Record) -> None:
        super().__init__(message)
        self.current = current


class ValidationFailed(TownhallError):
    """Values can't be accepted. ``errors`` has a sentence per field path (``""`` for the whole record)."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = dict(errors)
