"""Nothing in a test, and nothing in a plugin, may reach beyond this machine."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_HERE = ("127.", "::1", "localhost")


class NetworkUsed(AssertionError):
    """Something tried to reach another machine."""


@contextmanager
def no_network() -> Iterator[list[str]]:
    """While this lasts, connecting to another machine, or asking for its address, fails.

    Yields the places that were asked for, so that an attempt is noticed although whoever made it swallowed the error.
    """
    tried: list[str] = []
    connect, connect_ex, lookup = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def refuse(host: Any) -> None:
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
        if not name.startswith(_HERE):
            tried.append(name)
            raise NetworkUsed(f"Something tried to reach {name}. Nothing may leave the town's server.")

    def guarded(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple):
            refuse(address[0])
        connect(self, address)

    def guarded_ex(self: socket.socket, address: Any) -> int:
        if isinstance(address, tuple):
            refuse(address[0])
        return connect_ex(self, address)

    def guarded_lookup(host: Any, *rest: Any, **more: Any) -> Any:
        if host is not None:
            refuse(host)
        return lookup(host, *rest, **more)

    socket.socket.connect = guarded  # type: ignore[method-assign, assignment]
    socket.socket.connect_ex = guarded_ex  # type: ignore[method-assign, assignment]
    socket.getaddrinfo = guarded_lookup
    try:
        yield tried
    finally:
        socket.socket.connect = connect  # type: ignore[method-assign]
        socket.socket.connect_ex = connect_ex  # type: ignore[method-assign]
        socket.getaddrinfo = lookup
