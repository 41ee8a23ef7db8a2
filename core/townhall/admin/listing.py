"""The list of a type: what its address asks for, and everything that the page shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from functools import lru_cache
from functools import partial
from typing import TYPE_CHECKING
from typing import Any
from urllib.parse import parse_qsl

from markupsafe import Markup
from markupsafe import escape
from werkzeug.datastructures import MultiDict

from townhall.access.actors import Actor
from townhall.access.policy import filterable
from townhall.admin import urls
from townhall.admin.cells import CellMaker
from townhall.admin.cells import Column
from townhall.admin.cells import PageOfCells
from townhall.admin.cells import write_rows
from townhall.admin.figures import slicing
from townhall.admin.filters import Applied
from townhall.admin.filters import Chip
from townhall.admin.filters import FilterControl
from townhall.admin.filters import Filters
from townhall.admin.saved_views import SavedView
from townhall.admin.saved_views import tidy_pairs
from townhall.admin.saved_views import views_of
from townhall.errors import Rejected
from townhall.records.figures import Slice
from townhall.records.types import Count
from townhall.records.types import Page
from townhall.records.types import Record
from townhall_forms.conditions import Condition
from townhall_forms.kinds import resolver
from townhall_forms.schema import RecordType
from townhall_forms.schema import View

if TYPE_CHECKING:
    from townhall.admin.desk import Desk

PAGE_SIZE = 50
EVERYTHING = "all"
#: Types of which a filter's value says nothing about a person.
_CLOSED = frozenset({"boolean", "choice", "choices", "date", "datetime", "integer", "money", "percent", "year"})
#: How many filters stand in the open; the others are folded away.
FILTERS_IN_SIGHT = 3


@dataclass(frozen=True, slots=True)
class Tab:
    """One index tab above the list."""

    label: str
    url: str
    count: str = ""
    current: bool = False
    alarm: bool = False


@dataclass(frozen=True, slots=True)
class Heading:
    """The heading of a column, with the way to sort by it."""

    label: str
    css: str
    url: str = ""
    direction: str = ""

    @property
    def icon(self) -> str:
        """The arrow that says how the list is sorted."""
        return {"ascending": "sort-up", "descending": "sort-down"}.get(self.direction, "sort")


@dataclass(frozen=True, slots=True)
class ChipLink:
    """A filter that is on, and where it is off."""

    label: str
    url: str


@dataclass(slots=True)
class Asked:
    """What the address of a list asks for."""

    arguments: MultiDict[str, str]
    view: View | None
    view_name: str
    saved: SavedView | None
    saved_views: Sequence[SavedView]
    text: str
    sort: str
    archived: bool
    columns: tuple[Column, ...]
    applied: Applied
    where: Condition | None
    narrowed: bool
    paths: tuple[str, ...] = ()
    figure: Slice | None = None
    problems: list[str] = field(default_factory=list)


class Lister:
    """Answers for the list of one type in one application."""

    def __init__(self, desk: Desk, record_type: RecordType) -> None:
        self.town = town = desk.town
        self.type = record_type
        self.cells = CellMaker(town.schemas, record_type)
        self.base = urls.list_url(record_type.identity)
        self._presenter = desk.presenter
        self._marks = desk.marks
        self._cache = desk.cache
        self._drawer = desk.drawer
        self._idle: dict[str, FilterControl] = {}
        self._columns = lru_cache(maxsize=200)(self._make_columns)
        self._choices = lru_cache(maxsize=200)(self._make_choices)
        self._resolve = resolver(town.schemas, record_type)
        self._declared = {view.name: view for view in record_type.list.views}
        self._hidden_columns = {name for name, field in record_type.fields.items() if "list" in field.hide}

    # -- what is asked ----------------------------------------------------------------------------------------

    def asked(self, actor: Actor, arguments: MultiDict[str, str]) -> Asked:
        """Read the address of a list."""
        saved_views = views_of(self.town, actor, self.type.identity)
        saved = next((view for view in saved_views if str(view.id) == arguments.get("saved", "")), None)
        if saved is not None and set(arguments) <= {"saved", "after", "before"}:
            kept = MultiDict(parse_qsl(saved.query))
            arguments = MultiDict([*kept.items(multi=True), *arguments.items(multi=True)])
        allowed = filterable(actor, self.type)
        onward = self.town.records.onward
        may_ask = partial(self.town.records.may_ask, actor, self.type.identity)
        filters = Filters(self._resolve, self.town.context(actor), may_ask, self._idle, onward)
        applied = filters.read(arguments)
        text = arguments.get("q", "").strip()
        figure = self._figure(actor, arguments.get(slicing.PARAMETER, ""), applied)
        narrowed = bool(applied.conditions or text or figure)
        view_name, view = self._view(actor, arguments, narrowed)
        paths = self._paths(arguments, view, allowed - self._hidden_columns)
        asked = Asked(
            arguments=arguments,
            view=view,
            view_name=view_name,
            saved=saved,
            saved_views=saved_views,
            text=text,
            sort=arguments.get("sort", "") or self._sort(actor, view),
            archived=arguments.get("archived") == "1",
            columns=self._columns(paths),
            applied=applied,
            where=None,
            narrowed=narrowed,
            paths=paths,
            figure=figure,
            problems=list(applied.problems),
        )
        asked.where = self._where(asked)
        return asked

    def _figure(self, actor: Actor, text: str, applied: Applied) -> Slice | None:
        """The figure whose records are asked for. One that can't be had is said and leaves the list as it is."""
        if not text:
            return None
        try:
            figure = slicing.read(self.town, actor, self.type, text)
            words = slicing.sentence(self.town, actor, figure, self.type)
        except Rejected as refused:
            applied.problems.append(str(refused))
            return None
        applied.chips.insert(0, Chip(words, (slicing.PARAMETER,)))
        return figure

    def views(self, actor: Actor) -> dict[str, View]:
        """The type's own views whose conditions tell the actor nothing that they may not see."""
        may_ask, identity = self.town.records.may_ask, self.type.identity
        return {
            name: view
            for name, view in self._declared.items()
            if view.where is None or may_ask(actor, identity, *view.where.paths())
        }

    def _view(self, actor: Actor, arguments: MultiDict[str, str], narrowed: bool) -> tuple[str, View | None]:
        name, views = arguments.get("view", ""), self.views(actor)
        if name in views:
            return name, views[name]
        if not name and not narrowed and self.type.is_case and views:
            return next(iter(views.items()))
        return EVERYTHING, None

    def _sort(self, actor: Actor, view: View | None) -> str:
        """How the list is sorted unless somebody says otherwise."""
        records, identity = self.town.records, self.type.identity
        if view is not None and view.sort and records.may_ask(actor, identity, view.sort.removeprefix("-")):
            return view.sort
        return records.own_sort(actor, identity)

    def _paths(self, arguments: MultiDict[str, str], view: View | None, allowed: frozenset[str]) -> tuple[str, ...]:
        chosen = [part for value in arguments.getlist("columns") for part in value.split(",") if part]
        declared = view.columns if view is not None and view.columns else self.type.list.columns
        good = [path for path in dict.fromkeys(chosen) if path.partition(".")[0] in allowed and self.cells.column(path)]
        return tuple(good) if good else tuple(path for path in declared if path.partition(".")[0] in allowed)

    def _make_columns(self, paths: tuple[str, ...]) -> tuple[Column, ...]:
        names = self._named_by(paths)
        wanted = [path for path in names if not (path == "number" and "title" in names)]  # it stands under the title
        columns = list(self.cells.columns(wanted)) or list(self.cells.columns(["title"]))
        if names != list(paths):
            label = self.type.all_fields[next(iter(self.type.title.paths))].label
            columns = [replace(each, label=label) if each.is_title else each for each in columns]
        if not any(column.is_title for column in columns):
            columns[0] = self._linked(columns[0])
        return tuple(columns)

    def _named_by(self, paths: Sequence[str]) -> list[str]:
        """The paths, with the one field that is the whole title as the title."""
        alone = next(iter(self.type.title.paths)) if len(self.type.title.paths) == 1 else ""
        if "title" in paths or alone not in paths or alone not in self.type.fields:
            return list(paths)
        return ["title" if path == alone else path for path in paths]

    def _linked(self, column: Column) -> Column:
        """The column as the one that leads to the record."""
        base, inner = self.base, column.write

        def write(record: Record, page: PageOfCells) -> str:
            return f'<a class="cell-title" href="{base}{record.id}/">{inner(record, page) or escape(record.title)}</a>'

        return replace(column, write=write, css="cell-main", is_title=True)

    def _where(self, asked: Asked) -> Condition | None:
        parts = [asked.view.where] if asked.view is not None and asked.view.where is not None else []
        parts += asked.applied.conditions
        return Condition.all_of(parts) if len(parts) > 1 else (parts[0] if parts else None)

    # -- what is found ----------------------------------------------------------------------------------------

    def find(self, actor: Actor, asked: Asked, *, limit: int = PAGE_SIZE) -> Page:
        """The records of the page that is asked for; what can't be followed is left out and said."""
        options: dict[str, Any] = {
            "search": asked.text,
            "limit": limit,
            "fields": [path for column in asked.columns for path in column.reads],
            "archived": asked.archived,
            "figure": asked.figure,
        }
        after, before = asked.arguments.get("after", ""), asked.arguments.get("before", "")
        find = self.town.records.find
        try:
            return find(actor, self.type.identity, asked.where, sort=asked.sort, after=after, before=before, **options)
        except Rejected as error:
            asked.problems.append(str(error))
        asked.sort = self.town.records.own_sort(actor, self.type.identity)
        return find(actor, self.type.identity, asked.where, sort=asked.sort, **options)

    def count(self, actor: Actor, asked: Asked) -> Count:
        """How many records the list has in all."""
        if asked.narrowed or asked.archived:
            return self.town.records.count(
                actor,
                self.type.identity,
                asked.where,
                search=asked.text,
                archived=asked.archived,
                figure=asked.figure,
            )
        return self._count_view(actor, asked.view_name)

    def _count_view(self, actor: Actor, name: str) -> Count:
        where = self._declared[name].where if name in self._declared else None
        key = ("view", self.type.identity, name, actor.id, actor.permissions)
        return self._cache.get(key, lambda: self.town.records.count(actor, self.type.identity, where))

    # -- what is shown ----------------------------------------------------------------------------------------

    def page(self, actor: Actor, arguments: MultiDict[str, str], *, pick: bool) -> dict[str, Any]:
        """Everything that ``admin/list.html`` shows."""
        asked = self.asked(actor, arguments)
        found = self.find(actor, asked)
        count = self.count(actor, asked)
        cells = PageOfCells(self.town.context(actor), self._presenter, self._marks)
        picked = frozenset(urls.number(value) for value in asked.arguments.getlist("pick"))
        total = self._count_view(actor, EVERYTHING)
        label = asked.saved.label if asked.saved else (asked.view.label if asked.view else "Everything")
        return {
            "type": self.type,
            "base": self.base,
            "asked": asked,
            "view_label": "Archived" if asked.archived else label,
            "tabs": self.tabs(actor, asked),
            "controls": self.controls(actor, asked),
            "headings": self.headings(asked),
            "rows": write_rows(found.records, asked.columns, cells, picked, pick),
            "shown": len(found.records),
            "count": count,
            "total": total,
            "chips": self.chips(asked),
            "clear_url": self.address(
                asked, drop=("q", slicing.PARAMETER, *self._filter_names(asked)), view=asked.view_name
            )
            if asked.narrowed
            else "",
            "newer_url": self.address(asked, before=found.before) if found.before else "",
            "older_url": self.address(asked, after=found.after) if found.after else "",
            "query": self.query(asked),
            "hidden": self._hidden(asked),
            "picked": len(picked),
        }

    @staticmethod
    def _hidden(asked: Asked) -> list[tuple[str, str]]:
        """What the form of filters keeps to without showing it."""
        figure = [(slicing.PARAMETER, asked.figure.encoded())] if asked.figure is not None else []
        return [("view", asked.view_name), *([("archived", "1")] if asked.archived else []), *figure]

    def tabs(self, actor: Actor, asked: Asked) -> list[Tab]:
        """The type's own views, everything, and the views that were saved."""
        here = "" if asked.saved or asked.archived else asked.view_name
        made = []
        names = [*((view.name, view.label) for view in self.views(actor).values()), (EVERYTHING, "Everything")]
        for name, label in names:
            count = self._count_view(actor, name)
            url = urls.with_query(self.base, [("view", name)])
            made.append(Tab(label, url, str(count), name == here, alarm=name == "overdue" and count.value > 0))
        for view in asked.saved_views:
            url = urls.with_query(self.base, [("saved", view.id)])
            made.append(Tab(view.label, url, "", asked.saved is not None and asked.saved.id == view.id))
        return made

    def controls(self, actor: Actor, asked: Asked) -> Markup:
        """The filters, the columns to choose from and the ways to sort, for the form above the list."""
        controls = asked.applied.controls
        others = controls[FILTERS_IN_SIGHT:]
        return self._drawer.draw(
            "admin/list_controls.html",
            controls=(*controls[:FILTERS_IN_SIGHT], *(control for control in others if control.active)),
            more_controls=tuple(control for control in others if not control.active),
            column_choices=self._choices(filterable(actor, self.type), asked.paths),
            sorts=self.sorts(asked),
        )

    def headings(self, asked: Asked) -> list[Heading]:
        """The headings of the columns."""
        sorted_by, down = asked.sort.lstrip("-"), asked.sort.startswith("-")
        made = []
        for column in asked.columns:
            css = "end" if column.css == "end" else ""
            if not column.sort:
                made.append(Heading(column.label, css))
                continue
            current = column.sort == sorted_by
            target = f"-{column.sort}" if current and not down else column.sort
            direction = ("descending" if down else "ascending") if current else ""
            made.append(Heading(column.label, css, self.address(asked, sort=target), direction))
        return made

    def sorts(self, asked: Asked) -> tuple[tuple[str, str, bool], ...]:
        """Ways to sort, as ``(value, words, chosen)``, for narrow screens where there are no headings."""
        fields = {column.sort: column.label for column in asked.columns if column.sort}
        current = asked.sort.lstrip("-")
        if current not in fields and current in self.type.all_fields:
            fields[current] = self.type.all_fields[current].label
        made = []
        for name, label in fields.items():
            made.append((name, f"{label}, upwards", asked.sort == name))
            made.append((f"-{name}", f"{label}, downwards", asked.sort == f"-{name}"))
        return tuple(made)

    def chips(self, asked: Asked) -> list[ChipLink]:
        """The filters that are on."""
        made = []
        if asked.text:
            made.append(ChipLink(f"“{asked.text}”", self.address(asked, drop=("q",))))
        made += [ChipLink(chip.label, self.address(asked, drop=chip.names)) for chip in asked.applied.chips]
        return made

    def narrowing(self, asked: Asked) -> list[str]:
        """How a list is narrowed, in words that history may keep: no names and nothing that somebody typed."""
        told = ["A saved view"] if asked.saved is not None else [asked.view.label] if asked.view is not None else []
        told += ["Archived"] if asked.archived else []
        told += ["Search"] if asked.text else []
        for chip in asked.applied.chips:
            path = chip.names[0]
            field = self.type.field(path.partition(".")[0])
            closed = field is not None and (field.type_name in _CLOSED or path == "state") and "." not in path
            told.append(chip.label if closed or field is None else field.label)
        return list(dict.fromkeys(told))

    def _make_choices(self, allowed: frozenset[str], paths: tuple[str, ...]) -> tuple[tuple[str, str, bool], ...]:
        """Fields that can be columns, as ``(path, label, shown now)``."""
        fields = self.type.all_fields
        return tuple(
            (name, fields[name].label, name in paths)
            for name in dict.fromkeys([*paths, *self.type.system_fields, *self.type.fields])
            if name in fields and name in allowed and self.cells.column(name) is not None
            if "list" not in fields[name].hide
        )

    def address(self, asked: Asked, drop: Sequence[str] = (), **change: str) -> str:
        """The list's address with some parameters changed. Going elsewhere in it starts from the first page."""
        leave = {"after", "before", "pick", "saved", *drop, *change}
        pairs = [(name, value) for name, value in asked.arguments.items(multi=True) if name not in leave and value]
        if "view" not in asked.arguments and "view" not in change:
            pairs.append(("view", asked.view_name))
        pairs += [(name, value) for name, value in change.items() if value]
        return f"{self.base}?{urls.encoded(tuple(pairs))}" if pairs else self.base

    def tidy_address(self, arguments: MultiDict[str, str]) -> str:
        """Where the same list stands under a shorter address; empty if this one is short enough.

        A form sends every control that it has, empty ones and ticked columns included.
        """
        view = self._declared.get(arguments.get("view", ""))
        default_columns = view.columns if view is not None and view.columns else self.type.list.columns
        default_sort = view.sort if view is not None and view.sort else self.type.list.sort
        columns = tuple(part for value in arguments.getlist("columns") for part in value.split(",") if part)
        pairs = [
            (n, v) for n, v in arguments.items(multi=True) if v and n != "columns" and (n, v) != ("sort", default_sort)
        ]
        if columns and frozenset(columns) != frozenset(default_columns):
            pairs.append(("columns", ",".join(columns)))
        if pairs == [*arguments.items(multi=True)]:
            return ""
        return f"{self.base}?{urls.encoded(tuple(pairs))}" if pairs else self.base

    def query(self, asked: Asked) -> str:
        """The query string that shows the same list from its first page; for exports and saved views."""
        pairs = [*asked.arguments.items(multi=True)]
        if "view" not in asked.arguments:
            pairs.append(("view", asked.view_name))
        return tidy_pairs(pairs)

    def _filter_names(self, asked: Asked) -> tuple[str, ...]:
        return tuple(
            name
            for control in asked.applied.controls
            for name in (control.name, f"{control.name}.from", f"{control.name}.to")
        )

    def print_rows(self, actor: Actor, asked: Asked, limit: int) -> tuple[Markup, int]:
        """Rows of the list for paper, and how many they are."""
        page = self.find(actor, asked, limit=limit)
        cells = PageOfCells(self.town.context(actor), self._presenter, self._marks)
        return write_rows(page.records, asked.columns, cells, frozenset(), False), len(page.records)
