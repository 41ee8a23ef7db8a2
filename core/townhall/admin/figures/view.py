"""The pages of figures, their files and prints, and the records behind a figure of several types."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from typing import Any

from flask import Response
from flask import abort
from flask import request
from flask.typing import ResponseReturnValue
from flask_admin import expose

from townhall.admin import taking
from townhall.admin import urls
from townhall.admin.figures import asking
from townhall.admin.figures import contact
from townhall.admin.figures import overview
from townhall.admin.figures import slicing
from townhall.admin.figures import states
from townhall.admin.figures import times
from townhall.admin.figures.asking import Asked
from townhall.admin.figures.counted import Counted
from townhall.admin.figures.counted import Keeper
from townhall.admin.figures.tables import Shown
from townhall.admin.figures.tables import Table
from townhall.admin.sheets import Row
from townhall.admin.staff import StaffView
from townhall.errors import Rejected
from townhall.presentation import plural
from townhall.records import figures
from townhall.records.figures.slices import decoded
from townhall.records.types import Record

if TYPE_CHECKING:
    from townhall.admin.desk import Desk

#: The pages: the last part of their address, what they are called, and who makes them.
PAGES: dict[str, tuple[str, Callable[[Asked], Shown]]] = {
    "": ("Overview", overview.build),
    "times": ("How long it takes", times.build),
    "states": ("Where it stands", states.build),
    "contact": ("How people reach us", contact.build),
}
#: Records of each type that the page of several types shows.
SHOWN = 10


class FiguresView(StaffView):
    """Figures for whoever may see the cases that they are about."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, name="Figures", endpoint="admin_figures", url=urls.FIGURES.rstrip("/"))
        self._keeper = Keeper(desk.town.clock)

    @expose("/")
    @expose("/<any(times, states, contact):page>")
    def index(self, page: str = "") -> ResponseReturnValue:
        """One of the pages."""
        return self._page(page, "admin/figures.html")

    @expose("/print")
    @expose("/print/<any(times, states, contact):page>")
    def print(self, page: str = "") -> ResponseReturnValue:
        """One of them on paper."""
        return self._page(page, "admin/print_figures.html")

    def _page(self, page: str, template: str) -> ResponseReturnValue:
        asked = asking.asked(self.desk, self.actor, request.args)
        if not asked.types:
            return self.render("admin/figures_none.html")
        counted = self._counted(page, asked)
        pairs = asked.pairs
        return self.render(
            template,
            asked=asked,
            page=page,
            shown=counted.shown,
            counted=counted,
            heading=PAGES[page][0],
            summary=self._summary(asked),
            tabs=[
                (label, urls.with_query(f"{urls.FIGURES}{name}", pairs), name == page)
                for name, (label, _) in PAGES.items()
            ],
            back=urls.with_query(f"{urls.FIGURES}{page}", pairs),
            again=urls.with_query(f"{urls.FIGURES}{page}", [*pairs, ("count", "again")]),
            print_url=urls.with_query(f"{urls.FIGURES}print{'/' if page else ''}{page}", pairs),
            csv_url=lambda table: self._csv_url(page, asked, table),
            types=[
                (asking.ALL, "All cases"),
                *((t.identity, t.label_plural) for t in asking.case_types(self.desk, self.actor)),
            ],
            periods=asking.PERIODS.items(),
            beside=asking.BESIDE.items(),
        )

    def _counted(self, page: str, asked: Asked) -> Counted:
        """What the page shows; a page that takes long to count may be a few minutes old, and says so."""
        actor, build = asked.actor, PAGES[page][1]
        key = (page, actor.id, actor.permissions, asked.choice, asked.period, asked.before, asked.by)
        again = request.args.get("count") == "again"
        return self._keeper.get(key, lambda: build(asked), again=again)

    def _summary(self, asked: Asked) -> str:
        what = asked.one.label_plural if asked.one is not None else "All cases"
        beside = f", next to {asking.words(asked.before)}" if asked.before is not None else ""
        return f"{what}, {asking.words(asked.period)}{beside}."

    def _csv_url(self, page: str, asked: Asked, table: Table) -> str:
        return urls.with_query(f"{urls.FIGURES}csv", [("page", page), ("table", table.name), *asked.pairs])

    @expose("/csv")
    def csv(self) -> ResponseReturnValue:
        """One table as a file."""
        page = request.args.get("page", "")
        asked = asking.asked(self.desk, self.actor, request.args)
        if page not in PAGES or not asked.types:
            abort(404)
        tables = {table.name: table for table in self._counted(page, asked).shown.tables}
        table = tables.get(request.args.get("table", ""))
        if table is None:
            abort(404)
        what = [f"Figures: {table.title}", asking.words(asked.period)]
        for type_ in asked.types:
            taking.write_down(self.town, self.actor, type_.identity, "export", None, what)
        days = f"{asked.period.first.isoformat()}-to-{asked.period.last.isoformat()}"
        headers = {"Content-Disposition": f'attachment; filename="{table.name.replace("_", "-")}-{days}.csv"'}
        return Response(table.csv(), mimetype="text/csv", headers=headers)

    @expose("/records")
    def records(self) -> ResponseReturnValue:
        """The records of a figure that counts several types: the first of each, and the way to all."""
        text = request.args.get(slicing.PARAMETER, "")
        try:
            wanted = decoded(text)
            heading = slicing.sentence(self.town, self.actor, wanted)
        except Rejected as refused:
            abort(404, description=str(refused))
        parts: list[dict[str, Any]] = []
        for type_ in asking.case_types(self.desk, self.actor):
            try:
                many = figures.count(self.town, self.actor, type_.identity, wanted)
            except Rejected:
                continue
            if many:
                page = self.town.records.find(
                    self.actor, type_.identity, figure=wanted, sort="-created", limit=SHOWN, fields=()
                )
                link = urls.with_query(urls.list_url(type_.identity), [("view", "all"), (slicing.PARAMETER, text)])
                rows = [self._row(record) for record in page.records]
                parts.append({"type": type_, "count": many, "link": link, "rows": rows})
        total = sum(part["count"] for part in parts)
        return self.render(
            "admin/figures_records.html", heading=heading, parts=parts, total=plural(total, "case"), back=urls.FIGURES
        )

    def _row(self, record: Record) -> Row:
        workflow = record.type.workflow
        state = workflow.states.get(record.state) if workflow is not None else None
        meta = (record.number, state.label if state is not None else "", self.desk.presenter.day(record.created))
        return Row(
            record.title or record.type.label,
            urls.record_url(record.identity, record.id),
            " · ".join(part for part in meta if part),
            record.type.icon,
        )
