"""The way in for web servers: ``townhall.wsgi:application``, for the town in ``TOWNHALL_INSTANCE``.

The application is built anew when the town's generation in the database changes, so switching a plugin needs no
restart: new requests go to the new application, those under way finish on the old one.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING
from typing import Any

from townhall.app import create_app
from townhall.town import Town

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse
    from _typeshed.wsgi import WSGIEnvironment

log = logging.getLogger("townhall")


class TownApplication:
    """A WSGI application that always shows the town as it is now."""

    def __init__(self, town: Town) -> None:
        self._lock = Lock()
        self._town = town
        self._app = create_app(town)
        self._failed = -1

    @property
    def town(self) -> Town:
        """The town that new requests are shown."""
        return self._town

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not environ.get("PATH_INFO", "").startswith("/static/"):
            self._renew_if_needed()
        return self._app(environ, start_response)

    def _renew_if_needed(self) -> None:
        """Build the application anew if something was switched; if that fails, the old one goes on."""
        try:
            generation = self._town.generation()
        except Exception:
            log.exception("The town's generation could not be read")
            return
        if generation in (self._town.built_for, self._failed):
            return
        with self._lock:
            if generation in (self._town.built_for, self._failed):
                return
            try:
                town = self._town.renewed()
                self._app = create_app(town)
                self._town = town
            except Exception:
                self._failed = generation
                log.exception("The town could not be renewed; it goes on as it was before the last change")


def __getattr__(name: str) -> Any:
    """Make ``application`` when a server first asks for it; importing this module opens no town."""
    if name != "application":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    application = TownApplication(Town.open(Path(os.environ.get("TOWNHALL_INSTANCE", "instance"))))
    globals()["application"] = application
    return application
