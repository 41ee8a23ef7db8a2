"""Templates and static files that plugins bring: each in its own place, and none in another's.

A plugin's templates stand in ``templates/<import name>/`` of its folder, and only those are ever found; so none can
take the place of one of Townhall's or of another plugin. Its static files answer under ``/static/plugins/NAME/``. In
safe mode there are neither.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from flask import Blueprint
from flask import Flask
from flask import abort
from jinja2 import BaseLoader
from jinja2 import FileSystemLoader
from jinja2 import TemplateNotFound
from werkzeug.exceptions import HTTPException

from townhall.extend.guarding import PASSED

if TYPE_CHECKING:
    from jinja2 import Environment

    from townhall.extend.discovery import Found
    from townhall.town import Town


class OwnTemplates(BaseLoader):
    """The templates of one plugin, found by names that begin with its prefix and by no others."""

    def __init__(self, folder: Path, prefix: str) -> None:
        self._prefix = f"{prefix}/"
        self._files = FileSystemLoader(folder)

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, Callable[[], bool] | None]:
        """The text of a template. Raises :class:`jinja2.TemplateNotFound` for one of somebody else."""
        if not template.startswith(self._prefix):
            raise TemplateNotFound(template)
        return self._files.get_source(environment, template)

    def list_templates(self) -> list[str]:
        """The names of all of them."""
        return [name for name in self._files.list_templates() if name.startswith(self._prefix)]


class PluginFiles(Blueprint):
    """The files of one plugin."""

    templates: BaseLoader | None = None

    @property
    def jinja_loader(self) -> BaseLoader | None:
        """Where this plugin's templates come from."""
        return self.templates


def import_name(found: Found) -> str:
    """The name under which a plugin's templates stand: that of its package, or of its folder."""
    return found.module.partition(".")[0] or found.name


def install(app: Flask, town: Town) -> None:
    """Let running plugins bring templates and static files. What can't be used is written down, and left out."""
    if town.safe_mode:
        return
    taken = _taken(app)
    for name, found in town.plugins.running.items():
        try:
            _add(app, town, found, taken)
        except OSError as error:
            town.plugins.guard.told(name, str(found.folder), error, "static")


def _taken(app: Flask) -> set[str]:
    """How names of templates begin that others bring. Many views share one folder, which is looked at once."""
    loaders = filter(None, (each.jinja_loader for each in (app, *app.iter_blueprints())))
    distinct = {str(getattr(loader, "searchpath", loader)): loader for loader in loaders}
    return {name.partition("/")[0] for loader in distinct.values() for name in loader.list_templates()}


def _add(app: Flask, town: Town, found: Found, taken: set[str]) -> None:
    templates, static = found.folder / "templates", found.folder / "static"
    files = PluginFiles(
        f"plugin_{found.name}",
        f"plugin_{found.name}",
        root_path=str(found.folder),
        static_folder="static" if static.is_dir() else None,
        static_url_path=f"/static/plugins/{found.name}",
    )
    prefix = import_name(found)
    if templates.is_dir():
        for problem, file in _strangers(templates, prefix, taken):
            town.failures.note(found.name, "template", file, problem)
        if prefix not in taken:
            taken.add(prefix)
            files.templates = OwnTemplates(templates, prefix)
    app.register_blueprint(files)
    endpoint = f"plugin_{found.name}.static"
    if endpoint in app.view_functions:
        app.view_functions[endpoint] = _guarded(town, found.name, app.view_functions[endpoint])


def _strangers(templates: Path, prefix: str, taken: set[str]) -> Iterator[tuple[str, str]]:
    """Templates that are never used, each with the reason."""
    for file in sorted(templates.rglob("*")):
        name = file.relative_to(templates).as_posix()
        if not file.is_file():
            continue
        if prefix in taken:
            yield f"Templates called {prefix}/… belong to somebody else, so this one is never used.", name
        elif not name.startswith(f"{prefix}/"):
            yield f"It is outside templates/{prefix}/, so it is never used.", name


def _guarded(town: Town, plugin: str, serve: Callable[..., Any]) -> Callable[..., Any]:
    """Sending a static file; one that can't be read is missing, and nothing else."""

    def send(**values: Any) -> Any:
        try:
            return serve(**values)
        except (HTTPException, *PASSED):
            raise
        except BaseException as error:
            town.plugins.guard.told(plugin, str(values.get("filename", "")), error, "static")
            abort(404)

    return send
