"""The sheets beside a record: lists of its neighbours, and what plugins add. A page may show many, and each is small,
so they are strings and no template.
"""

from __future__ import annotations

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


def says_something(sheet: Sheet | Panel) -> bool:
    """Whether anything stands on a sheet, or on the panel of a plugin."""
    return bool(sheet.rows or sheet.facts or sheet.note or sheet.problem or sheet.empty)


class SheetWriter:
    """Writes sheets one below the other."""

    def __init__(self, marks: Marks) -> None:
        self._marks = marks

    def write(self, sheets: Sequence[Sheet], panels: Sequence[Panel] = ()) -> Markup:
        """All of them, and then the panels of plugins, each with a heading by which it is called."""
        made: list[str] = []
        for number, sheet in enumerate(sheets, 1):
            made.append(_head(number, sheet.label))
            self._sheet(made, sheet)
        for number, panel in enumerate(panels, len(sheets) + 1):
            made.append(_head(number, panel.label) + "</div>\n")
            self._inside(made, panel, [self._line(row) for row in panel.rows])
            made.append("</section>\n")
        return Markup("".join(made))  # noqa: S704  # every part is escaped or our own

    def _sheet(self, made: list[str], sheet: Sheet) -> None:
        if sheet.count and sheet.count != "0":
            made.append(f'<span class="count">{escaped(sheet.count)}</span>')
        if sheet.new_url:
            made.append(f'<a class="more no-print" href="{escaped(sheet.new_url)}">{escaped(sheet.new_label)}</a>')
        made.append("</div>\n")
        self._inside(made, sheet, [self._row(row) for row in sheet.rows])
        if sheet.all_url and len(sheet.rows) >= _MANY:
            made.append(f'<div class="foot"><a href="{escaped(sheet.all_url)}">All {escaped(sheet.count)}</a></div>\n')
        made.append("</section>\n")

    def _inside(self, made: list[str], sheet: Sheet | Panel, rows: list[str]) -> None:
        """What stands below the heading."""
        if sheet.problem:
            made.append(_body("muted", f"{self._marks.icon('alert')} {escaped(sheet.problem)}"))
        if sheet.facts:
            facts = "".join(
                [f"<div><dt>{escaped(label)}</dt><dd>{escaped(text)}</dd></div>" for label, text in sheet.facts]
            )
            made.append(f'<div class="sheet-body"><dl class="facts facts-narrow">{facts}</dl></div>\n')
        if rows:
            made.append(f'<ul class="rows rows-narrow">{"".join(rows)}</ul>\n')
        elif sheet.empty or not (sheet.facts or sheet.problem or sheet.note):
            made.append(_body("muted", escaped(sheet.empty or "None yet.")))
        if sheet.note:
            made.append(_body("muted small", escaped(sheet.note)))

    def _line(self, row: PanelRow) -> str:
        """A line of a plugin's panel."""
        words, url = escaped(row.text), ""
        if row.identity and row.id is not None:
            url = urls.record_url(row.identity, row.id)
        name = f'<a class="row-title" href="{escaped(url)}">{words}</a>' if url else f"<b>{words}</b>"
        if not row.note:
            return f'<li><div class="row row-plain"><div>{name}</div></div></li>'
        if row.tone is not None:
            pill = self._marks.pill_of(row.note, row.tone)
            return f'<li><div class="row row-plain"><div>{name}</div><div class="row-end">{pill}</div></div></li>'
        meta = f'<span class="row-meta">{escaped(row.note)}</span>'
        return f'<li><div class="row row-plain"><div>{name}{meta}</div></div></li>'

    def _row(self, row: Row) -> str:
        title = escaped(row.title)
        name = f'<a class="row-title" href="{escaped(row.url)}">{title}</a>' if row.url else f"<b>{title}</b>"
        meta = f'<span class="row-meta">{escaped(row.meta)}</span>' if row.meta else ""
        end = f'<div class="row-end">{row.end}</div>' if row.end else ""
        icon, css = (self._marks.icon(row.icon), "row") if row.icon else ("", "row row-plain")
        return f'<li><div class="{css}">{icon}<div>{name}{meta}</div>{end}</div></li>'


def _head(number: int, label: str) -> str:
    """The beginning of a sheet, up to what else stands beside its heading."""
    return (
        f'<section class="sheet" aria-labelledby="side-{number}"><div class="sheet-head">'
        f'<h2 id="side-{number}">{escaped(label)}</h2>'
    )


def _body(css: str, html: str) -> str:
    return f'<div class="sheet-body"><p class="{css}">{html}</p></div>\n'
