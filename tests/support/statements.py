"""What is asked of a town's database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from townhall.town import Town


@contextmanager
def statements(town: Town) -> Iterator[list[str]]:
    """What is asked of the database meanwhile."""
    sent: list[str] = []

    def note(event: Any) -> None:
        sent.append(str(event.sql))

    town.database.query_hooks.append(note)
    try:
        yield sent
    finally:
        town.database.query_hooks.remove(note)
