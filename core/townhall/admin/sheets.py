"""The sheets beside a record: lists of its neighbours, and what plugins add. A page may show many, and each is small,
so they are strings and no template.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from townhall.admin import urls
from townhall.presentation import escaped

if TYPE_CHECKING:
    from townhall.extend.values import Panel
    from townhall.extend.values import PanelRow
    from townhall.presentation import Marks

_NO_HTML = Markup("")
#: From how many rows on a sheet leads to the list of all.
_MANY = 10


@dataclass(slots=True)
class Row:
    """A line of a panel."""

    title: str
    url: str = ""
    meta: str = ""
    icon: str = ""
    end: Markup = _NO_HTML


@dataclass(slots=True)
class Sheet:
    """A panel beside the record."""

    label: str
    rows: Sequence[Row]
    identity: str = ""
    count: str = ""
    all_url: str = ""
    new_url: str = ""
    new_label: str = ""
    facts: Sequence[tuple[str, str]] = ()
    note: str = ""
    empty: str = ""
    problem: str = ""
    type_label: str = ""

    @property
    def says_something(self) -> bool:
        """Whether anything stands on it."""
        return bool(self.rows or self.facts or self.note or self.problem or self.empty)


def plugin_sheets(marks: Marks, panels: Iterable[Panel]) -> list[Sheet]:
    """What plugins add, as sheets."""
    return [
        Sheet(
            panel.label,
            [_panel_row(marks, row) for row in panel.rows],
            facts=panel.facts,
            note=panel.note,
            empty=panel.empty,
            problem=panel.problem,
        )
        for panel in panels
    ]


def _panel_row(marks: Marks, row: PanelRow) -> Row:
    url = urls.record_url(row.identity, row.id) if row.identity and row.id is not None else ""
    if row.tone is not None and row.note:
        return Row(row.text, url, end=marks.pill_of(row.note, row.tone))
    return Row(row.text, url, row.note)


class SheetWriter:
    """Writes sheets one below the other."""

    def __init__(self, marks: Marks) -> None:
        self._marks = marks

    def write(self, sheets: Iterable[Sheet]) -> Markup:
        """All of them, each with a heading by which it is called."""
        made: list[str] = []
        for number, sheet in enumerate(sheets, 1):
            self._sheet(made, number, sheet)
        return Markup("".join(made))  # noqa: S704  # every part below is escaped or our own

    def _sheet(self, made: list[str], number: int, sheet: Sheet) -> None:
        made.append(
            f'<section class="sheet" aria-labelledby="side-{number}"><div class="sheet-head">'
            f'<h2 id="side-{number}">{escaped(sheet.label)}</h2>'
        )
        if sheet.count and sheet.count != "0":
            made.append(f'<span class="count">{escaped(sheet.count)}</span>')
        if sheet.new_url:
            made.append(f'<a class="more no-print" href="{escaped(sheet.new_url)}">{escaped(sheet.new_label)}</a>')
        made.append("</div>\n")
        if sheet.problem:
            made.append(_body("muted", f"{self._marks.icon('alert')} {escaped(sheet.problem)}"))
        if sheet.facts:
            facts = "".join(
                [f"<div><dt>{escaped(label)}</dt><dd>{escaped(text)}</dd></div>" for label, text in sheet.facts]
            )
            made.append(f'<div class="sheet-body"><dl class="facts facts-narrow">{facts}</dl></div>\n')
        if sheet.rows:
            made.append('<ul class="rows rows-narrow">')
            made += [self._row(row) for row in sheet.rows]
            made.append("</ul>\n")
        elif sheet.empty or not (sheet.facts or sheet.problem or sheet.note):
            made.append(_body("muted", escaped(sheet.empty or "None yet.")))
        if sheet.note:
            made.append(_body("muted small", escaped(sheet.note)))
        if sheet.all_url and len(sheet.rows) >= _MANY:
            made.append(f'<div class="foot"><a href="{escaped(sheet.all_url)}">All {escaped(sheet.count)}</a></div>\n')
        made.append("</section>\n")

    def _row(self, row: Row) -> str:
        title = escaped(row.title)
        name = f'<a class="row-title" href="{escaped(row.url)}">{title}</a>' if row.url else f"<b>{title}</b>"
        meta = f'<span class="row-meta">{escaped(row.meta)}</span>' if row.meta else ""
        end = f'<div class="row-end">{row.end}</div>' if row.end else ""
        icon, css = (self._marks.icon(row.icon), "row") if row.icon else ("", "row row-plain")
        return f'<li><div class="{css}">{icon}<div>{name}{meta}</div>{end}</div></li>'


def _body(css: str, html: str) -> str:
    return f'<div class="sheet-body"><p class="{css}">{html}</p></div>\n'
