"""Exports and views of confidential values: what auditors and administrators look through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from datetime import datetime
from datetime import time
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from flask_admin import expose

from townhall.admin import urls
from townhall.admin.staff import StaffView
from townhall.errors import TownhallError
from townhall.records import disclosing
from townhall.records import sealing
from townhall.records.disclosing import Disclosure
from townhall_forms.instants import on_day

if TYPE_CHECKING:
    from townhall.admin.desk import Desk

_SIZE = 50


@dataclass(frozen=True, slots=True)
class Line:
    """One disclosure in words."""

    told: Disclosure
    deed: str
    what: str
    url: str = ""
    more: str = ""


class HistoryView(StaffView):
    """A list of who took or looked at what, newest first."""

    permission = disclosing.PERMISSION

    def __init__(self, desk: Desk) -> None:
        super().__init__(
            desk,
            name="Exports and views of confidential values",
            endpoint="admin_history",
            url=urls.HISTORY.rstrip("/"),
        )

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """The newest that fit the filters."""
        given = {name: request.args.get(name, "").strip() for name in ("who", "what", "type", "from", "to")}
        since, until = _day(given["from"]), _day(given["to"])
        problems = [
            f"“{given[name]}” is no date. It was left out."
            for name, day in (("from", since), ("to", until))
            if given[name] and day is None
        ]
        found = disclosing.listing(
            self.town,
            self.actor,
            who=given["who"],
            action=given["what"],
            identity=given["type"],
            since=self._midnight(since),
            until=self._midnight(until, later=1),
            before=urls.number(request.args.get("before")),
            limit=_SIZE + 1,
        )
        shown, pairs = found[:_SIZE], [(name, value) for name, value in given.items() if value]
        last, problem = None, ""
        try:
            last = sealing.newest(self.town)
        except TownhallError as error:
            problem = str(error)
        return self.render(
            "admin/disclosures.html",
            lines=self._lines(shown),
            given=given,
            problems=problems,
            kinds=list(disclosing.LABELS.items()),
            types=sorted((each.label_plural, each.identity) for each in self.town.schemas.values()),
            older_url=urls.with_query(urls.HISTORY, [*pairs, ("before", shown[-1].id)]) if len(found) > _SIZE else "",
            newest_url=urls.with_query(urls.HISTORY, pairs) if request.args.get("before") else "",
            seal=last,
            seal_problem=problem,
            sealed_at=None if last is None else datetime.fromtimestamp(last.at / 1_000_000, tz=self.town.zone),
            base=urls.HISTORY,
        )

    def _midnight(self, day: date | None, later: int = 0) -> datetime | None:
        return None if day is None else on_day(day, time(), self.town.zone) + timedelta(days=later)

    def _lines(self, found: Sequence[Disclosure]) -> list[Line]:
        wanted: dict[str, list[int]] = {}
        for each in found:
            if each.record_id and each.identity in self.town.schemas:
                wanted.setdefault(each.identity, []).append(each.record_id)
        context = self.town.context(self.actor)
        # Whoever may not see a record is not told its title here either.
        titles: dict[tuple[str, int], Any] = {
            (identity, id): title
            for identity, ids in wanted.items()
            if self.town.records.may(self.actor, "view", identity)
            for id, title in context.titles(identity, ids).items()
        }
        return [self._line(each, titles) for each in found]

    def _line(self, each: Disclosure, titles: dict[tuple[str, int], Any]) -> Line:
        record_type, deed = self.town.schemas.get(each.identity), disclosing.LABELS[each.action]
        if each.action == "reveal":
            fields = [record_type.field(name) if record_type is not None else None for name in each.fields]
            names = [
                field.label if field is not None else name for name, field in zip(each.fields, fields, strict=True)
            ]
            title = titles.get((each.identity, each.record_id))
            label = record_type.label if record_type is not None else each.identity
            url = urls.record_url(each.identity, each.record_id) if title is not None else ""
            return Line(each, deed, title or f"{label}, which you may not see", url, ", ".join(names))
        if record_type is None:
            what = each.identity
        else:
            what = record_type.label if each.rows == 1 else record_type.label_plural
        rows = f"{each.rows:,} " if each.rows is not None else ""
        return Line(each, deed, f"{rows}{what}", more=", ".join(each.filters))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
