"""Everything that Townhall raises on purpose, and who reads it.

::

    TownhallError                 base; the message is always one plain sentence
    ├── ConfigurationError        IT: a setting or file of the instance is wrong
    ├── PluginError               IT and vendors: a plugin can't be found, read or switched
    │   └── RestartNeeded         IT: a plugin's code changed, and this process runs the old one
    ├── ServiceFailed             IT: a server outside, such as that for mail, doesn't do its work
    ├── NotFound                  whoever asked: no such record, or none that the actor may know of
    ├── Forbidden                 whoever asked: the actor may not do this
    ├── LayerChanged              an administrator: somebody else changed the town's layer meanwhile
    ├── Conflict                  a clerk: the record changed since it was opened
    ├── Rejected                  whoever typed: a plugin or rule refuses, with a reason for people
    │   └── Withheld              whoever asked: the question goes by a field that they may not see
    └── ValidationFailed          whoever typed: what is wrong with each field

    Outdated                      nobody: plugins were switched while a page was being made, so it is made again
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
    """A plugin can't be found, read or switched; ``stage`` says on which step of its start, if it was one."""

    def __init__(self, message: str, stage: str = "") -> None:
        super().__init__(message)
        self.stage = stage


class RestartNeeded(PluginError):
    """The code of a plugin on the disk is not the code that this process imported; only a restart takes it up."""


class ServiceFailed(TownhallError):
    """A server outside the town, such as that for mail, doesn't do its work. The sentence holds nothing of a record."""


class NotFound(TownhallError):
    """There is no such record, or none that the actor may know of."""


class Forbidden(TownhallError):
    """The actor may not do this."""


class Rejected(TownhallError):
    """Refused on purpose by a rule or a plugin; ``field`` says where to show it, if anywhere."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class Withheld(Rejected, Forbidden):
    """What was asked goes by a field that the actor may not see, so its answer would tell what that says."""


class LayerChanged(TownhallError):
    """Somebody else changed the town's own layer since the actor looked at it; nothing was saved."""


class Conflict(TownhallError):
    """The record changed since the actor read it; ``current`` is how it stands now."""

    def __init__(self, message: str, current: Record) -> None:
        super().__init__(message)
        self.current = current


class Outdated(BaseException):
    """Something was switched since the town was put together that wants to write; nothing is written.

    Not even an :class:`Exception`, so that no page takes it for a mistake: it goes through to the server's entry, which
    makes the whole request again with the town as it is now.
    """


class ValidationFailed(TownhallError):
    """Values can't be accepted. ``errors`` has a sentence per field path (``""`` for the whole record)."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = dict(errors)
