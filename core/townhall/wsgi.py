"""The way in for web servers: ``townhall.wsgi:application``, for the town in ``TOWNHALL_INSTANCE``.

The application is built anew when the town's generation in the database changes, so switching a plugin needs no
restart: new requests go to the new application, those under way finish on the old one. One of those that has not
written yet and finds, when it wants to, that something was switched is made again on the new application.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from pathlib import Path
from tempfile import SpooledTemporaryFile
from threading import Lock
from typing import IO
from typing import TYPE_CHECKING
from typing import Any

from townhall import logs
from townhall.app import create_app
from townhall.errors import Outdated
from townhall.errors import RestartNeeded
from townhall.jobs.scheduler import Scheduler
from townhall.records.outdating import watched
from townhall.town import Town

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse
    from _typeshed.wsgi import WSGIEnvironment

log = logging.getLogger("townhall")

#: How often a request is made on an application that turns out to be outdated.
ATTEMPTS = 3
#: Seconds after which what could not be taken up is tried again: at first, since a database may just have been busy,
#: and at last, each time twice as long as the time before.
FIRST_PATIENCE, PATIENCE = 1.0, 30.0
#: Bytes of a request's body that are kept in memory; more goes to a temporary file.
IN_MEMORY = 1024 * 1024
#: Held while an application is built: one at a time in a process (Python 3.11 can't parse in two threads at once).
_building = Lock()


class TownApplication:
    """A WSGI application that always shows the town as it is now."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._app = create_app(town)
        #: The generation that could not be taken up, when that was tried, and after how many seconds it is again.
        self._failed = (-1, 0.0, 0.0)
        # Outside the application that is built anew: a scheduler in it would keep every old one in memory.
        self._scheduler = Scheduler(self.current_town)

    @property
    def town(self) -> Town:
        """The town that new requests are shown."""
        return self._town

    @property
    def largest_request(self) -> int:
        """Most bytes that a request may have."""
        return int(self._app.config["MAX_CONTENT_LENGTH"])

    def current_town(self) -> Town:
        """The town as it is now, taken up if something was switched: for what works beside the pages."""
        self._renew_if_needed()
        return self._town

    def start_jobs(self) -> None:
        """Do the town's jobs in this process, unless its settings say that others do."""
        if self._town.settings.jobs_run:
            self._scheduler.start()

    def stop_jobs(self) -> None:
        """Stop doing jobs, and wait for those that run."""
        self._scheduler.stop()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO", "").startswith("/static/"):
            return self._app(environ, start_response)
        self._renew_if_needed()
        with RepeatableInput(environ["wsgi.input"]) as body:
            return self._answer({**environ, "wsgi.input": body}, start_response, body)

    def _answer(
        self, environ: WSGIEnvironment, start_response: StartResponse, body: RepeatableInput
    ) -> Iterable[bytes]:
        """Answer a request; once more if the application that does so turns out to be outdated."""
        app = self._app
        for _ in range(ATTEMPTS):
            try:
                with watched():
                    return app({**environ}, start_response)
            except Outdated:
                body.rewind()
                self._renew_if_needed()
                if app is self._app:
                    break
                app = self._app
        # What was switched can't be taken up: the town goes on as it was before.
        return app({**environ}, start_response)

    def _renew_if_needed(self) -> None:
        """Build the application anew if something was switched; if that fails, the old one goes on.

        Whoever comes meanwhile waits, so that nobody sees the town of before after having seen that of now.
        """
        try:
            generation = self._town.generation()
        except Exception:
            log.exception("The town's generation could not be read")
            return
        if self._is_taken_up(generation):
            return
        with _building:
            if self._is_taken_up(generation):
                return
            try:
                town = self._town.renewed()
                self._app, self._town = create_app(town), town
            except RestartNeeded as reason:
                self._failed = (generation, self._town.clock.monotonic(), PATIENCE)
                log.warning("%s Until then the town goes on as it was before the last change", reason)
            except Exception:
                failed, _, patience = self._failed
                patience = min(2 * patience, PATIENCE) if failed == generation else FIRST_PATIENCE
                self._failed = (generation, self._town.clock.monotonic(), patience)
                log.exception("The town could not be renewed; it goes on as it was before the last change")

    def _is_taken_up(self, generation: int) -> bool:
        """Whether the town is that of this generation, or could not be made so a moment ago."""
        failed, at, patience = self._failed
        return generation == self._town.built_for or (
            generation == failed and self._town.clock.monotonic() - at < patience
        )


class RepeatableInput:
    """The body of a request, which can be read once more from its beginning.

    What was read is kept, in memory as long as it is small; nothing is read that nobody asked for.
    """

    def __init__(self, source: Any) -> None:
        self._source = source
        self._kept: IO[bytes] | None = None  # made when something is read; most requests have no body
        self._again = False

    def __enter__(self) -> RepeatableInput:
        return self

    def __exit__(self, *error: object) -> None:
        if self._kept is not None:
            self._kept.close()

    def rewind(self) -> None:
        """Begin again."""
        if self._kept is not None:
            self._kept.seek(0)
            self._again = True

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes; all that are left without it."""
        if size == 0:
            return b""
        found = self._kept.read(size) if self._kept is not None and self._again else b""
        return found if found and size >= 0 else found + self._fresh(self._source.read, size)

    def readline(self, size: int = -1) -> bytes:
        """The rest of the line, at most ``size`` bytes of it."""
        found = self._kept.readline(size) if self._kept is not None and self._again else b""
        if found.endswith(b"\n") or (found and size >= 0):
            return found
        return found + self._fresh(self._source.readline, size)

    def readlines(self, hint: int = -1) -> list[bytes]:
        """All lines that are left."""
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        while line := self.readline():
            yield line

    def _fresh(self, take: Callable[..., bytes], size: int) -> bytes:
        """Bytes that nobody has read yet; they are kept behind the others."""
        self._again = False
        block = take() if size < 0 else take(size)
        if self._kept is None:
            self._kept = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115  # closed by __exit__
        self._kept.write(block)
        return block


def __getattr__(name: str) -> Any:
    """Make ``application`` when a server first asks for it; importing this module opens no town."""
    if name != "application":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    logs.write_to_stderr()
    application = TownApplication(Town.open(Path(os.environ.get("TOWNHALL_INSTANCE", "instance"))))
    globals()["application"] = application
    application.start_jobs()
    # A server that loads this and then forks its workers: each of them does jobs as well.
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=application.start_jobs)
    return application
