"""``townhall serve``: the town on the web."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading

import click

from townhall.cli.context import instance_folder
from townhall.errors import ConfigurationError
from townhall.town import Town

#: Requests that are worked on at the same time. Pages are bound by the processor, so more would not be faster.
THREADS = 8


@click.command()
@click.option("--host", default=None, help="Address to listen on, instead of the setting.")
@click.option("--port", type=click.IntRange(1, 65535), default=None, help="Port to listen on, instead of the setting.")
@click.option("--safe-mode", is_flag=True, help="Run no plugin's code; their records stay.")
def serve(host: str | None, port: int | None, safe_mode: bool) -> None:
    """Serve the town until Ctrl+C."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # it warns whenever somebody waits a moment
    town = Town.open(instance_folder(), safe_mode=safe_mode)
    try:
        run(town, host or town.settings.host, port or town.settings.port)
    finally:
        town.close()


def run(town: Town, host: str, port: int) -> None:
    """Serve ``town`` on ``host`` and ``port`` until interrupted."""
    from waitress import create_server

    from townhall.wsgi import TownApplication

    listener = _listen(host, port)
    application = TownApplication(town)
    server = create_server(
        application,
        sockets=[listener],
        threads=THREADS,
        ident="Townhall",
        # Waitress drops forwarded headers by itself; the application believes those of the trusted proxies.
        clear_untrusted_proxy_headers=town.settings.trusted_proxies == 0,
    )
    shown = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104  # compared, not bound
    address = f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
    click.echo(f"{town.settings.name} {town.settings.subtitle} is open on {address}/ (staff: {address}/admin/)")
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


def _interrupt(number: int, frame: object) -> None:
    """Stop like Ctrl+C when a service manager asks to."""
    raise KeyboardInterrupt


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises :class:`~townhall.errors.ConfigurationError` if it can't."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        raise ConfigurationError(
            f"The server can't listen on {host}, port {port}: {reason}. Is it running already? Another port: --port."
        ) from error
