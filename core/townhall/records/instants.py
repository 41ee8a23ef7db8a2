"""Instants as the tables hold them: microseconds since 1970, UTC."""

from __future__ import annotations

from datetime import UTC
from datetime import datetime
from datetime import timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_microseconds(moment: datetime) -> int:
    """The number that a table keeps for an aware moment. Exact, unlike :meth:`datetime.timestamp`."""
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(value: int) -> datetime:
    """The moment, in UTC, that a table keeps as ``value``."""
    return _EPOCH + timedelta(microseconds=value)
