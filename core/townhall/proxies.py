"""Believing what proxies in front say of a visitor: as many as the settings say, and from their addresses only."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv6Address
from ipaddress import ip_address
from ipaddress import ip_network
from typing import TYPE_CHECKING

from werkzeug.middleware.proxy_fix import ProxyFix

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse
    from _typeshed.wsgi import WSGIApplication
    from _typeshed.wsgi import WSGIEnvironment

    from townhall.config import Settings


class TrustedProxies:
    """Reads ``X-Forwarded-For``, ``-Proto`` and ``-Host`` of requests that come from a proxy of the town's own."""

    def __init__(self, app: WSGIApplication, settings: Settings) -> None:
        count = settings.trusted_proxies
        self._straight = app
        self._forwarded = ProxyFix(app, x_for=count, x_proto=count, x_host=count)
        self._networks = [ip_network(text, strict=False) for text in settings.proxy_addresses]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        believed = not self._networks or self._is_ours(environ.get("REMOTE_ADDR") or "")
        return (self._forwarded if believed else self._straight)(environ, start_response)

    def _is_ours(self, text: str) -> bool:
        """Whether an address is a proxy's. What comes through a socket of this computer has none, and is."""
        try:
            address = ip_address(text.partition("%")[0])
        except ValueError:
            return not text
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks)
