"""What the server answers by itself, before the town is asked: to what can't be read, is too large or is no HTTP."""

from __future__ import annotations

from waitress.channel import HTTPChannel
from waitress.task import ErrorTask

from townhall.security import bare_headers


class Refusal(ErrorTask):  # type: ignore[misc]  # waitress comes without types
    """One such answer, as guarded as any page of the town."""

    def execute(self) -> None:
        """Write it."""
        self.response_headers.extend(bare_headers())
        super().execute()


class Channel(HTTPChannel):  # type: ignore[misc]
    """A connection of somebody to the server."""

    error_task_class = Refusal
