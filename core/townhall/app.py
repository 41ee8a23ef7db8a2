"""The web application of a town: an ordered list of things to set up."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import cast

from flask import Blueprint
from flask import Flask
from flask import Response
from flask import jsonify
from flask import make_response
from flask import render_template
from flask import request
from werkzeug.routing import IntegerConverter
from werkzeug.routing import Map

import townhall_forms
from townhall import accounts
from townhall import admin
from townhall import failures
from townhall import plugin_files
from townhall import portal
from townhall import presentation
from townhall import security
from townhall.compiling import Address
from townhall.compiling import Application
from townhall.compiling import CompiledTemplates
from townhall.current import current_town
from townhall.db import meta
from townhall.proxies import TrustedProxies
from townhall.town import Town
from townhall_forms.fields.base import LARGEST_INTEGER

__all__ = ["create_app", "current_town"]

_HERE = Path(__file__).parent
_FORMS = Path(townhall_forms.__file__).parent
#: How long a browser may use a static file whose address carries its digest.
_YEAR = 365 * 24 * 3600


class RecordNumber(IntegerConverter):
    """A whole number in an address that a column can hold; there is nothing at the address of a larger one."""

    def __init__(self, map: Map) -> None:
        super().__init__(map, max=LARGEST_INTEGER)


def create_app(town: Town) -> Flask:
    """Build the web application that shows ``town``."""
    app = Application(
        "townhall",
        root_path=str(_HERE),
        static_folder=str(_HERE / "static"),
        template_folder=str(_HERE / "templates"),
        instance_path=str(town.instance),
    )
    app.extensions["townhall"] = town
    app.url_rule_class = Address
    app.url_map.converters["int"] = RecordNumber
    configure_settings(app, town)
    configure_proxies(app, town)
    configure_database(app, town)
    security.install(app, town.settings)
    configure_static(app)
    presentation.install(app, town)
    accounts.install(app, town)
    admin.install(app, town)
    portal.install(app, town)
    plugin_files.install(app, town)
    configure_town_files(app, town)
    failures.install(app)
    return app


def configure_settings(app: Flask, town: Town) -> None:
    """Take over the town's key and limits."""
    limits = town.settings
    # Browsers send cookies to all ports of a host: a name of its own keeps the demo from signing the real town out.
    mark = hashlib.sha256(town.secret).hexdigest()[:8]
    app.config.update(
        SECRET_KEY=town.secret,
        SESSION_COOKIE_NAME=f"townhall_{mark}",
        PERMANENT_SESSION_LIFETIME=timedelta(minutes=max(720, limits.session_idle_minutes)),
        MAX_CONTENT_LENGTH=(limits.max_upload_mb * limits.max_files + 5) * 1024 * 1024,
        MAX_FORM_MEMORY_SIZE=5 * 1024 * 1024,
        MAX_FORM_PARTS=5000,
        TOWNHALL_SIGN_IN_HINT=meta.get(town.system, "sign_in_hint", ""),
    )
    app.jinja_env.bytecode_cache = CompiledTemplates()
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals["town"] = town


def configure_proxies(app: Flask, town: Town) -> None:
    """Believe the headers of as many proxies as stand in front, and of no more."""
    if town.settings.trusted_proxies:
        app.wsgi_app = TrustedProxies(app.wsgi_app, town.settings)  # type: ignore[method-assign]


def configure_database(app: Flask, town: Town) -> None:
    """Take a connection for each request and give it back."""

    @app.before_request
    def connect() -> None:
        if request.endpoint != "static":
            town.database.connect(reuse_if_open=True)

    @app.teardown_request
    def give_back(error: BaseException | None) -> None:
        town.failures.flush(force=False)
        if not town.database.is_closed() and town.database.transaction_depth() == 0:
            town.database.close()


def configure_static(app: Flask) -> None:
    """Serve Townhall's own files and those of the form library; let browsers keep those whose address has a digest."""
    app.register_blueprint(
        Blueprint(
            "townhall_forms",
            "townhall_forms",
            root_path=str(_FORMS),
            static_folder="static",
            static_url_path="/static/forms",
            template_folder="templates",
        )
    )

    @app.after_request
    def keep(response: Response) -> Response:
        if request.path.startswith("/static/") and response.status_code in {200, 304}:
            digest = "v" in request.args
            response.headers["Cache-Control"] = f"public, max-age={_YEAR}, immutable" if digest else "no-cache"
        return response


def configure_town_files(app: Flask, town: Town) -> None:
    """Serve what is small and the town's own: its colour, its icon, a word for robots, and its health for monitors."""

    @app.get("/town.css")
    def town_css() -> Response:
        response = make_response(f":root {{ --town: {town.settings.colour}; --town-on: #ffffff; }}\n")
        response.mimetype = "text/css"
        return _unchanging(response)

    @app.get("/favicon.ico")
    def favicon() -> Response:
        response = make_response(render_template("favicon.svg", colour=town.settings.colour))
        response.mimetype = "image/svg+xml"
        return _unchanging(response)

    @app.get("/robots.txt")
    def robots() -> Response:
        response = make_response("User-agent: *\nDisallow: /admin/\nDisallow: /status/\n")
        response.mimetype = "text/plain"
        return response

    @app.get(security.HEALTH)
    def health() -> tuple[Response, int]:
        try:
            town.generation()
        except Exception:
            app.logger.exception("The database does not answer")
            return jsonify(status="failing", database="does not answer"), 503
        return jsonify(status="ok", database="answers"), 200


def _unchanging(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    return cast(Response, response.make_conditional(request))
