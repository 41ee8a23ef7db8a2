"""The frame around every staff page: the town's name, who is signed in, and the menu with its counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import replace
from typing import TYPE_CHECKING
from typing import Any

from flask import has_request_context
from flask import request

from townhall.access.actors import Actor
from townhall.accounts import current_actor
from townhall.admin import urls
from townhall.admin.once import new_form_id
from townhall.admin.places import CORE
from townhall.admin.places import plugin_label
from townhall.admin.places import plugin_place
from townhall.cases import queries
from townhall.lifecycle import town_layer
from townhall.records import work
from townhall.records.types import Count
from townhall.records.work import Lane
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from flask import Flask
    from flask_admin import Admin

    from townhall.admin.desk import Desk


@dataclass(frozen=True, slots=True)
class NavItem:
    """A line of the menu."""

    label: str
    url: str
    icon: str = ""
    count: str = ""
    count_means: str = "open"
    alarm: bool = False
    current: bool = False
    exact: bool = False
    children: tuple[NavItem, ...] = ()


@dataclass(frozen=True, slots=True)
class NavGroup:
    """A heading of the menu with its lines."""

    heading: str
    entries: tuple[NavItem, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """What ``admin/base.html`` draws around a page."""

    town_name: str
    subtitle: str
    signed_in: bool = False
    actor_name: str = ""
    me_url: str = ""
    groups: tuple[NavGroup, ...] = ()


class Menu:
    """The menu of one application: which types there are is fixed, who may see what is asked each time."""

    def __init__(self, desk: Desk, admin: Admin) -> None:
        town = desk.town
        self.town = town
        self.admin = admin
        self.cache = desk.cache
        types = sorted(town.schemas.values(), key=lambda type_: (*plugin_place(town, type_.plugin), type_.order))
        self._records = [type_ for type_ in types if type_.navigation == "records"]
        self._setup = [type_ for type_ in types if type_.navigation == "setup"]

    def frame(self) -> Frame:
        """The frame for whoever asks."""
        actor = current_actor()
        settings = self.town.settings
        subtitle = f"{settings.subtitle}, staff" if settings.subtitle else "Staff"
        if actor.kind != "staff":
            return Frame(town_name=settings.name, subtitle=subtitle)
        path = request.path if has_request_context() else ""
        groups = (
            NavGroup("Work", tuple(self._work(actor))),
            NavGroup("Records", tuple(self._plugins(actor, path))),
            NavGroup("Set-up", tuple(self._set_up(actor))),
            NavGroup("More", tuple(self._others())),
        )
        shown = tuple(
            NavGroup(group.heading, tuple(_mark(item, path) for item in group.entries))
            for group in groups
            if group.entries
        )
        return Frame(
            town_name=settings.name,
            subtitle=subtitle,
            signed_in=True,
            actor_name=actor.name,
            me_url=urls.ACCOUNT,
            groups=shown,
        )

    # -- counts -----------------------------------------------------------------------------------------------

    def counts(self, actor: Actor) -> dict[str, Count]:
        """Open cases by identity, and the actor's own under ``mine``; a few seconds old at most."""
        return self.cache.get(("menu", actor.id, actor.permissions), lambda: self._count(actor))

    def _count(self, actor: Actor) -> dict[str, Count]:
        found = dict(queries.open_counts(self.town, actor))
        lane = Lane("mine", states="open", assignee=actor.id)
        return {**found, "mine": work.counts(self.town, actor, [lane])["mine"]}

    # -- groups -----------------------------------------------------------------------------------------------

    def _work(self, actor: Actor) -> Iterable[NavItem]:
        mine = self.counts(actor)["mine"]
        yield NavItem("My work", urls.ADMIN, "tray", _shown(mine), exact=True)
        yield NavItem("Calendar", urls.CALENDAR, "calendar")
        for type_ in self._records:
            if type_.plugin == CORE and type_.event is None and self.town.records.may(actor, "view", type_.identity):
                yield self._item(type_, actor)

    def _plugins(self, actor: Actor, path: str) -> Iterable[NavItem]:
        by_plugin: dict[str, list[RecordType]] = {}
        for type_ in self._records:
            if type_.plugin != CORE and self.town.records.may(actor, "view", type_.identity):
                by_plugin.setdefault(type_.plugin, []).append(type_)
        for plugin, types in by_plugin.items():
            if len(types) == 1:
                yield self._item(types[0], actor)
                continue
            inside = path.startswith(f"/admin/{plugin}/")
            children = tuple(replace(self._item(type_, actor), icon="") for type_ in types) if inside else ()
            counts = [self.counts(actor).get(type_.identity) for type_ in types]
            total = Count(sum(c.value for c in counts if c), any(c.capped for c in counts if c))
            yield NavItem(
                plugin_label(self.town, plugin),
                urls.list_url(types[0].identity),
                types[0].icon,
                _shown(total),
                children=children,
            )

    def _set_up(self, actor: Actor) -> Iterable[NavItem]:
        for type_ in self._setup:
            if self.town.records.may(actor, "view", type_.identity):
                yield NavItem(type_.label_plural, urls.list_url(type_.identity), type_.icon)
        if actor.may("plugins.manage"):
            trouble = len(self.town.plugins.problems)
            yield NavItem(
                "Plugins", urls.PLUGINS, "plug", f"{trouble}" if trouble else "", "need attention", alarm=trouble > 0
            )
        if actor.may("users.manage"):
            yield NavItem("People and rights", urls.PEOPLE, "key")
        if actor.may(town_layer.PERMISSION):
            waiting = len(town_layer.urgent(self.town))
            count = f"{waiting}" if waiting else ""
            yield NavItem("Fields and labels", urls.TYPES, "tag", count, "need a decision", alarm=waiting > 0)
        if actor.may("settings.manage"):
            yield NavItem("Settings", urls.SETTINGS, "edit")

    def _others(self) -> Iterable[NavItem]:
        """Pages that a vendor added to Flask-Admin in its own way."""
        for entry in self.admin.menu():
            leaves = entry.get_children() if entry.is_category() else [entry]
            for leaf in leaves:
                view = getattr(leaf, "_view", None)
                if getattr(view, "in_menu_by_itself", False) or not (leaf.is_visible() and leaf.is_accessible()):
                    continue
                yield NavItem(leaf.name, leaf.get_url() or "", "note")
        for link in self.admin.menu_links():
            if link.is_visible() and link.is_accessible():
                yield NavItem(link.name, link.get_url(), "link")

    def _item(self, type_: RecordType, actor: Actor) -> NavItem:
        count = self.counts(actor).get(type_.identity)
        return NavItem(type_.label_plural, urls.list_url(type_.identity), type_.icon, _shown(count))


def _shown(count: Count | None) -> str:
    return str(count) if count is not None and count.value else ""


def _mark(item: NavItem, path: str) -> NavItem:
    """The item, saying whether the page that is shown belongs to it."""
    children = tuple(_mark(child, path) for child in item.children)
    inside_child = any(child.current for child in children)
    here = path == item.url if item.exact else bool(item.url) and path.startswith(item.url)
    current = here and not inside_child
    return replace(item, current=current, exact=path == item.url, children=children)


def install_frame(app: Flask, menu: Menu) -> None:
    """Let templates ask for the frame, and count again after every change."""
    app.jinja_env.globals.update(staff_frame=menu.frame, new_form_id=new_form_id)

    @app.after_request
    def forget_counts(response: Any) -> Any:
        if request.method not in ("GET", "HEAD", "OPTIONS"):
            menu.cache.forget()
        return response
