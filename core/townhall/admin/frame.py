"""The frame around every staff page: the town's name, who is signed in, and the menu with its counts."""

from __future__ import annotations

import logging
from collections.abc import Hashable
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING
from typing import Any

from flask import has_request_context
from flask import request
from markupsafe import Markup

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.accounts import current_actor
from townhall.admin import jobs
from townhall.admin import urls
from townhall.admin.once import new_form_id
from townhall.admin.places import CORE
from townhall.admin.places import plugin_label
from townhall.admin.places import plugin_place
from townhall.cases import queries
from townhall.cases.rulebook import QUEUE
from townhall.cases.rulebook import ROUTE
from townhall.extend.guarding import PASSED
from townhall.jobs import overview
from townhall.lifecycle import town_layer
from townhall.lifecycle.describing import troubled
from townhall.messages import letters
from townhall.messages import outbox
from townhall.records import disclosing
from townhall.records import work
from townhall.records.types import Count
from townhall.records.work import Lane
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from flask import Flask
    from flask_admin import Admin

    from townhall.admin.desk import Desk

NOTHING = Markup("")


log = logging.getLogger("townhall")


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
    menu: Markup = NOTHING


@dataclass(frozen=True, slots=True)
class MenuCounts:
    """Open cases by identity, the actor's own, and the menus that were drawn with them: they go when these go."""

    by_type: Mapping[str, Count]
    mine: Count
    drawn: dict[Hashable, Markup] = field(default_factory=dict)


class Menu:
    """The menu of one application: which types there are is fixed, who may see what is asked each time."""

    def __init__(self, desk: Desk, admin: Admin) -> None:
        town = desk.town
        self.town = town
        self.admin = admin
        self.cache = desk.cache
        self.drawer = desk.drawer
        types = sorted(town.schemas.values(), key=lambda type_: (*plugin_place(town, type_.plugin), type_.order))
        self._records = [type_ for type_ in types if type_.navigation == "records" and not type_.frozen]
        self._setup = [type_ for type_ in types if type_.navigation == "setup" and not type_.frozen]
        self._has_cases = any(type_.is_case for type_ in self._records)
        self._frozen = [type_ for type_ in types if type_.navigation != "hidden" and type_.frozen]

    def frame(self) -> Frame:
        """The frame for whoever asks."""
        actor = current_actor()
        settings = self.town.settings
        subtitle = f"{settings.subtitle}, staff" if settings.subtitle else "Staff"
        if actor.kind != "staff":
            return Frame(town_name=settings.name, subtitle=subtitle)
        return Frame(
            town_name=settings.name,
            subtitle=subtitle,
            signed_in=True,
            actor_name=actor.name,
            me_url=urls.ACCOUNT,
            menu=self._drawn(actor, request.path if has_request_context() else ""),
        )

    def _drawn(self, actor: Actor, path: str) -> Markup:
        """The menu's lines. What a vendor added is asked each time, and so is whether a plugin is in trouble."""
        # No plugin's code runs for the pages about plugins.
        counts, others = self.counts(actor), () if path.startswith(urls.ABOUT_PLUGINS) else tuple(self._others())
        key = (_place(path), others, self._trouble())
        made = counts.drawn.get(key)
        if made is None:
            made = self.drawer.draw("admin/menu.html", groups=self._groups(actor, counts, others, path))
            counts.drawn[key] = made
        return made

    def _groups(self, actor: Actor, counts: MenuCounts, others: tuple[NavItem, ...], path: str) -> tuple[NavGroup, ...]:
        groups = (
            NavGroup("Work", tuple(self._work(actor, counts))),
            NavGroup("Records", tuple(self._plugins(actor, counts, path, self._records))),
            NavGroup("Set-up", tuple(self._set_up(actor))),
            NavGroup("More", others),
            NavGroup("Only to read", tuple(self._plugins(actor, counts, path, self._frozen))),
        )
        return tuple(
            NavGroup(group.heading, tuple(_mark(item, path) for item in group.entries))
            for group in groups
            if group.entries
        )

    # -- counts -----------------------------------------------------------------------------------------------

    def counts(self, actor: Actor) -> MenuCounts:
        """Open cases, a few seconds old at most."""
        return self.cache.get(("menu", actor.id, actor.permissions), lambda: self._count(actor))

    def _count(self, actor: Actor) -> MenuCounts:
        found = queries.open_counts(self.town, actor)
        lane = Lane("mine", states="open", assignee=actor.id)
        return MenuCounts(found, work.counts(self.town, actor, [lane])["mine"])

    # -- groups -----------------------------------------------------------------------------------------------

    def _work(self, actor: Actor, counts: MenuCounts) -> Iterable[NavItem]:
        yield NavItem("My work", urls.ADMIN, "tray", _shown(counts.mine), exact=True)
        yield NavItem("Calendar", urls.CALENDAR, "calendar")
        if self._has_cases and all(self.town.records.may(actor, verb, QUEUE) for verb in ("view", "see_internal")):
            yield NavItem("Queues", urls.QUEUES, "users")
        if any(type_.is_case and not type_.frozen for type_ in self.town.records.types(actor)):
            yield NavItem("Figures", urls.FIGURES, "chart")
        for type_ in self._records:
            if type_.plugin == CORE and type_.event is None and self.town.records.may(actor, "view", type_.identity):
                yield self._item(type_, counts)

    def _plugins(self, actor: Actor, counts: MenuCounts, path: str, types: Iterable[RecordType]) -> Iterable[NavItem]:
        by_plugin: dict[str, list[RecordType]] = {}
        for type_ in types:
            if type_.plugin != CORE and self.town.records.may(actor, "view", type_.identity):
                by_plugin.setdefault(type_.plugin, []).append(type_)
        for plugin, mine in by_plugin.items():
            if len(mine) == 1:
                yield self._item(mine[0], counts)
                continue
            inside = path.startswith(f"/admin/{plugin}/")
            children = tuple(replace(self._item(type_, counts), icon="") for type_ in mine) if inside else ()
            open_ = [found for type_ in mine if (found := counts.by_type.get(type_.identity))]
            total = Count(sum(each.value for each in open_), any(each.capped for each in open_))
            yield NavItem(
                plugin_label(self.town, plugin),
                urls.list_url(mine[0].identity),
                "snow" if mine[0].frozen else mine[0].icon,
                _shown(total),
                children=children,
            )

    def _set_up(self, actor: Actor) -> Iterable[NavItem]:
        for type_ in self._setup:
            if type_.identity == QUEUE and self._has_cases:
                continue  # they have a page of their own under “Work”
            # Who sees what was given to them only is given none of what the town is set up with.
            if policy.reach(actor, "view", type_) in ("department", "all"):
                yield NavItem(type_.label_plural, urls.list_url(type_.identity), type_.icon)
        if self._has_cases and actor.may(f"{ROUTE}.edit"):
            yield NavItem("Routing", urls.ROUTING, "next")
            yield NavItem("Wards", urls.WARDS, "pin")
        if outbox.may_manage(actor) or letters.may_send(self.town, actor):
            waits = self._needing(actor)
            yield NavItem(
                "Messages", urls.MESSAGES, "mail", f"{waits}" if waits else "", "need attention", alarm=waits > 0
            )
        if actor.may("plugins.manage"):
            trouble = self._trouble()
            yield NavItem(
                "Plugins", urls.PLUGINS, "plug", f"{trouble}" if trouble else "", "need attention", alarm=trouble > 0
            )
        if actor.may(jobs.PERMISSION):
            failing = self.cache.get("jobs that fail", lambda: len(overview.failing(self.town)))
            yield NavItem("Jobs", urls.JOBS, "refresh", f"{failing}" if failing else "", "failed", alarm=failing > 0)
        if actor.may("users.manage"):
            yield NavItem("People and rights", urls.PEOPLE, "key")
        if actor.may(town_layer.PERMISSION):
            waiting = len(town_layer.urgent(self.town))
            count = f"{waiting}" if waiting else ""
            yield NavItem("Fields and labels", urls.TYPES, "tag", count, "need a decision", alarm=waiting > 0)
        if actor.may(disclosing.PERMISSION):
            yield NavItem("Exports and views", urls.HISTORY, "eye")
        if actor.may("settings.manage"):
            yield NavItem("Settings", urls.SETTINGS, "edit")

    def _needing(self, actor: Actor) -> int:
        """How many messages of which the actor may know need somebody, a few seconds ago at most."""
        name = "messages that need somebody"
        waits = self.cache.get(name, lambda: outbox.needing(self.town))
        if not waits or outbox.may_manage(actor):
            return waits
        return self.cache.get((name, actor.id, actor.permissions), lambda: outbox.needing(self.town, actor))

    def _trouble(self) -> int:
        """How many plugins need somebody's attention, a few seconds ago at most."""
        return len(self.cache.get("plugins in trouble", lambda: troubled(self.town)))

    def _others(self) -> Iterable[NavItem]:
        """Pages that a vendor added to Flask-Admin in its own way."""
        for leaf in self._foreign:
            if url := _address(leaf):
                yield NavItem(leaf.name, url, "note")
        for link in self.admin.menu_links():
            if url := _address(link):
                yield NavItem(link.name, url, "link")

    @cached_property
    def _foreign(self) -> list[Any]:
        """Flask-Admin's entries that are not ours. None is added once there are requests."""
        # Not get_children(), which asks each whether it is accessible: that may be a plugin's code.
        leaves = [leaf for entry in self.admin.menu() for leaf in (entry._children if entry.is_category() else [entry])]
        return [leaf for leaf in leaves if not getattr(getattr(leaf, "_view", None), "in_menu_by_itself", False)]

    def _item(self, type_: RecordType, counts: MenuCounts) -> NavItem:
        count = counts.by_type.get(type_.identity)
        icon = "snow" if type_.frozen else type_.icon
        return NavItem(type_.label_plural, urls.list_url(type_.identity), icon, _shown(count))


def _address(entry: Any) -> str:
    """Where a line that a vendor added leads; empty if it isn't to be seen, or fails to say so."""
    try:
        return (entry.get_url() or "") if entry.is_visible() and entry.is_accessible() else ""
    except PASSED:
        raise
    except BaseException:
        log.exception("A line of the menu failed: %s", entry.name)
        return ""


def _shown(count: Count | None) -> str:
    return str(count) if count is not None and count.value else ""


def _place(path: str) -> str:
    """What of an address the menu goes by: no line of it leads below a type's list."""
    parts = path.split("/", 4)
    return path if len(parts) < 5 or not parts[4] else "/".join(parts[:4]) + "/…"


def _mark(item: NavItem, path: str) -> NavItem:
    """The item, saying whether the page that is shown belongs to it."""
    children = tuple(_mark(child, path) for child in item.children)
    inside_child = any(child.current for child in children)
    here = path == item.url if item.exact else bool(item.url) and path.startswith(item.url)
    current = here and not inside_child
    return replace(item, current=current, exact=path == item.url, children=children)


def install_frame(app: Flask, menu: Menu) -> None:
    """Let templates ask for the frame, and count again after every change."""
    app.jinja_env.globals.update(
        staff_frame=menu.frame, new_form_id=new_form_id, frozen_words=menu.town.plugins.read_only
    )

    @app.after_request
    def forget_counts(response: Any) -> Any:
        if request.method not in ("GET", "HEAD", "OPTIONS"):
            menu.cache.forget()
        return response
