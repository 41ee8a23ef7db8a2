"""Views that plugins bring into the clerks' screens: put in their places, and guarded as long as they live.

A view belongs to the plugin whose name its endpoint and its address begin with. Whatever one does when it is made,
looked at by the menu or opened costs its own page, and is written down.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from copy import copy
from itertools import islice
from typing import TYPE_CHECKING
from typing import Any

from flask import Flask
from flask import abort
from flask import render_template
from flask.typing import ResponseReturnValue
from flask_admin import BaseView
from jinja2 import TemplateError
from werkzeug.exceptions import HTTPException

from townhall.accounts import current_actor
from townhall.admin.staff import turn_away
from townhall.errors import PluginError
from townhall.errors import TownhallError
from townhall.extend.answers import text
from townhall.extend.failures import Stage
from townhall.extend.guarding import PASSED

if TYPE_CHECKING:
    from flask_admin import Admin

    from townhall.admin.desk import Desk

#: Most views that one plugin may bring.
MOST_VIEWS = 20
#: What Flask keeps of functions that run on every page.
_ON_EVERY_PAGE = (
    "before_request_funcs",
    "after_request_funcs",
    "teardown_request_funcs",
    "template_context_processors",
    "url_value_preprocessors",
    "url_default_functions",
)


class PluginViews:
    """Puts the views of plugins on one application."""

    def __init__(self, app: Flask, admin: Admin, desk: Desk) -> None:
        self._app = app
        self._admin = admin
        self._town = desk.town

    def add(self, plugin: str, answer: Any) -> None:
        """Add a plugin's views; each that can't be added is written down, and the others are. May raise."""
        if answer is None:
            return
        if isinstance(answer, str) or not isinstance(answer, Iterable):
            raise TypeError(f"it returned {type(answer).__name__}, not a sequence of views")
        views = list(islice(answer, MOST_VIEWS + 1))
        if len(views) > MOST_VIEWS:
            raise PluginError(f"it returned more than {MOST_VIEWS} views")
        for view in views:
            try:
                self._add_one(plugin, view)
            except PASSED:
                raise
            except BaseException as error:
                what = view.endpoint if isinstance(view, BaseView) else "admin_views"
                self._town.plugins.guard.told(plugin, str(what), error, "view")

    def _add_one(self, plugin: str, view: Any) -> None:
        if not isinstance(view, BaseView):
            raise TypeError(f"admin_views gave {type(view).__name__} where a Flask-Admin view belongs")
        if view.admin is not None:
            raise PluginError("this view belongs to another application already; admin_views must make views anew")
        self._check_place(plugin, view)
        view.is_accessible = self._quiet(plugin, view, view.is_accessible)
        view.is_visible = self._quiet(plugin, view, view.is_visible)
        before, shared = set(self._app.view_functions), self._shared()
        try:
            self._admin.add_view(view)
            view.name = view.menu.name = text(str(view.name))
            self._check_rules(plugin, set(self._app.view_functions) - before)
            if self._shared() != shared:
                raise PluginError("it changes how all pages work, which no plugin may")
        except BaseException:
            self._take_back(view, set(self._app.view_functions) - before)
            for name, functions in shared.items():
                getattr(self._app, name)[None] = functions
            raise
        for endpoint in set(self._app.view_functions) - before:
            self._app.view_functions[endpoint] = self._guarded(plugin, view, self._app.view_functions[endpoint])

    def _check_place(self, plugin: str, view: BaseView) -> None:
        """Raise :class:`~townhall.errors.PluginError` unless endpoint and address are the plugin's own, and free."""
        endpoint = str(view.endpoint)
        if self._owner(endpoint) != plugin:
            raise PluginError(f"the endpoint {endpoint!r} must be {plugin!r} or begin with {plugin + '_'!r}")
        if endpoint in self._app.blueprints:
            raise PluginError(f"there is a view with the endpoint {endpoint!r} already")
        url = str(view._get_view_url(self._admin, view.url)).rstrip("/")
        first, _, _ = url.removeprefix("/admin/").partition("/")
        if not url.startswith("/admin/") or self._owner(first) != plugin:
            raise PluginError(f"the address {url}/ must begin with /admin/{plugin}/ or /admin/{plugin}_")
        for other in self._app.blueprints.values():
            prefix = other.url_prefix or ""
            if prefix.count("/") > 1 and f"{url}/".startswith(f"{prefix}/"):
                raise PluginError(f"there are pages at the address {prefix}/ already")

    def _check_rules(self, plugin: str, endpoints: set[str]) -> None:
        """A view's pages may not answer elsewhere either, nor where there is a page already."""
        rules = list(self._app.url_map.iter_rules())
        taken = {rule.rule.rstrip("/") for rule in rules if rule.endpoint not in endpoints}
        for rule in rules:
            if rule.endpoint in endpoints:
                first, _, _ = rule.rule.removeprefix("/admin/").partition("/")
                if not rule.rule.startswith("/admin/") or self._owner(first) != plugin:
                    raise PluginError(f"its page at {rule.rule} is outside /admin/{plugin}")
                if rule.rule.rstrip("/") in taken:
                    raise PluginError(f"there is a page at the address {rule.rule} already")

    def _shared(self) -> dict[str, Any]:
        """What runs on every page of the application."""
        return {name: copy(getattr(self._app, name)[None]) for name in _ON_EVERY_PAGE}

    def _owner(self, word: str) -> str:
        """The plugin to whose name a word belongs: the longest that it begins with."""
        names = [name for name in self._town.plugins.found if word == name or word.startswith(f"{name}_")]
        return max(names, key=len, default="")

    def _take_back(self, view: BaseView, endpoints: set[str]) -> None:
        """Leave nothing of a view that could not be added; Flask can't forget an address, so it leads nowhere."""
        self._admin._views = [each for each in self._admin._views if each is not view]
        self._admin._menu = [each for each in self._admin._menu if getattr(each, "_view", None) is not view]
        for category in self._admin._menu_categories.values():
            category._children = [each for each in category._children if getattr(each, "_view", None) is not view]
        for endpoint in endpoints:
            self._app.view_functions[endpoint] = _nowhere

    # -- while they live ----------------------------------------------------------------------------------------

    def _quiet(self, plugin: str, view: BaseView, ask: Callable[[], Any]) -> Callable[[], bool]:
        """A view's answer whether somebody may come in or see it; ``False`` if it fails."""

        def asked() -> bool:
            try:
                return bool(ask())
            except PASSED:
                raise
            except BaseException as error:
                self._town.plugins.guard.told(plugin, str(view.endpoint), error, "view")
                return False

        return asked

    def _guarded(self, plugin: str, view: BaseView, run: Callable[..., Any]) -> Callable[..., ResponseReturnValue]:
        """Running a page of a view; if it fails, a plain page stands in its place."""

        def page(*args: Any, **values: Any) -> ResponseReturnValue:
            actor = current_actor()
            if actor.kind != "staff":
                return turn_away(actor)
            if not view.is_accessible():
                abort(403)
            try:
                response = self._app.make_response(run(*args, **values))
                if response.is_streamed and not response.direct_passthrough:
                    response.response = self._streamed(plugin, view, response.response)
                return response
            except (HTTPException, TownhallError, *PASSED):
                raise
            except BaseException as error:
                stage: Stage = "template" if isinstance(error, TemplateError) else "view"
                self._town.plugins.guard.told(plugin, str(view.endpoint), error, stage)
                return render_template("admin/plugin_failed.html", title=self._town.plugins.title(plugin)), 500

        return page

    def _streamed(self, plugin: str, view: BaseView, parts: Iterable[Any]) -> Iterator[Any]:
        """The parts of an answer that is made while it is sent; if that fails, it breaks off for all to see."""
        try:
            yield from parts
        except (GeneratorExit, *PASSED):
            raise
        except BaseException as error:
            self._town.plugins.guard.told(plugin, str(view.endpoint), error, "view")
            self._town.failures.flush()
            raise RuntimeError(f"The view {view.endpoint} broke off.") from error


def _nowhere(*args: Any, **values: Any) -> ResponseReturnValue:
    abort(404)
