"""``townhall serve``: the town on the web."""

from __future__ import annotations

import errno
import logging
import os
import select
import signal
import socket
import threading
from typing import TYPE_CHECKING

import click

from townhall import logs
from townhall.cli import safety
from townhall.cli.context import instance_folder
from townhall.db.engines import describe
from townhall.db.transactions import unwritable
from townhall.errors import ConfigurationError
from townhall.lifecycle.status import unclaimed_settings
from townhall.town import Town

if TYPE_CHECKING:
    from waitress.server import BaseWSGIServer

    from townhall.wsgi import TownApplication

#: Requests that are worked on at the same time. Pages are bound by the processor, so more would not be faster.
THREADS = 8
#: Seconds after which a connection is closed on which nothing moves, and how many there are at most. Each waits for its
#: request without holding a thread, so slow ones hold up nobody before there are so many.
PATIENCE = 60
CONNECTIONS = 1000
#: Bytes of an address and its headers.
LARGEST_HEADERS = 64 * 1024


@click.command()
@click.option("--host", default=None, help="Address to listen on, instead of the setting.")
@click.option("--port", type=click.IntRange(1, 65535), default=None, help="Port to listen on, instead of the setting.")
@click.option("--safe-mode", is_flag=True, help="Run no plugin's code; their records stay.")
def serve(host: str | None, port: int | None, safe_mode: bool) -> None:
    """Serve the town until Ctrl+C."""
    logs.write_to_stderr()
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # it warns whenever somebody waits a moment
    town = Town.open(instance_folder(), safe_mode=safe_mode)
    try:
        run(town, host or town.settings.host, port or town.settings.port)
    finally:
        town.close()


def run(town: Town, host: str, port: int) -> None:
    """Serve ``town`` on ``host`` and ``port`` until interrupted."""
    from townhall.wsgi import TownApplication

    if problem := unwritable(town.database):
        raise ConfigurationError(
            f"Nothing can be written into the database {describe(town.settings.database)}: {problem}."
        )
    listener = _listen(host, port)
    application = TownApplication(town)
    server = make_server(application, listener)
    shown = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104  # compared, not bound
    address = f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
    click.echo(f"{town.settings.name} {town.settings.subtitle} is open on {address}/ (staff: {address}/admin/)")
    for finding in safety.examine(town, host=host):
        if not finding.good:
            click.echo(f"Not safe, {finding.subject}: {finding.message}", err=True)
    for sentence in unclaimed_settings(town):
        click.echo(sentence, err=True)
    for plugin, reason in town.plugins.problems.items():
        click.echo(f"The plugin {plugin} is off: {reason}", err=True)
    for notice in town.upgrade.notices:
        click.echo(notice, err=True)
    click.echo("Press Ctrl+C to close it.")
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _interrupt)
    application.start_jobs()
    try:
        server.run()
    except KeyboardInterrupt:
        pass
    finally:
        server.close()
        application.stop_jobs()
    click.echo("Closed.")


def make_server(application: TownApplication, listener: socket.socket) -> BaseWSGIServer:
    """The server of a town, on a socket that listens."""
    from waitress import create_server

    from townhall.cli.refusing import Channel

    server = create_server(
        application,
        sockets=[listener],
        threads=THREADS,
        ident="Townhall",
        **_bounds(application),
        # Waitress drops forwarded headers by itself; the application believes those of the trusted proxies.
        clear_untrusted_proxy_headers=application.town.settings.trusted_proxies == 0,
    )
    server.channel_class = Channel
    return server


def _bounds(application: TownApplication) -> dict[str, int | bool]:
    """What one visitor can take of the server: how much they send, how slowly, and with how many others.

    Waitress answers what is larger without asking the application, which has a page for what is a little too large.
    """
    most = int(application.largest_request)
    return {
        "max_request_header_size": LARGEST_HEADERS,
        "max_request_body_size": 2 * most,
        "channel_timeout": PATIENCE,
        "cleanup_interval": PATIENCE // 4,
        "connection_limit": CONNECTIONS,
        "asyncore_use_poll": hasattr(select, "poll"),
    }


def _interrupt(number: int, frame: object) -> None:
    """Stop like Ctrl+C when a service manager asks to."""
    raise KeyboardInterrupt


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises :class:`~townhall.errors.ConfigurationError` if it can't."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        # Python adds the address to the words of the system; Windows has other numbers for what its network says.
        named = isinstance(error, socket.gaierror) or os.name != "posix"
        reason = error.strerror if named else os.strerror(error.errno or 0)
        raise ConfigurationError(
            f"The server can't listen on {host}, port {port}: {reason}. {_what_to_do(error)}"
        ) from error


def _what_to_do(error: OSError) -> str:
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return "It must be an address of this computer: 127.0.0.1 for a proxy on it, 0.0.0.0 for all that it has."
    if isinstance(error, PermissionError):
        return (
            "Ports below 1024 are the system's: choose another with --port, and let a proxy in front take 80 and 443."
        )
    return "Is it running already? Another port: --port."
