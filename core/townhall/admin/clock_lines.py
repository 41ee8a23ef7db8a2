"""The clocks of a case as lines of its docket: “due in 3 h”, “2 h over”, “stopped: waiting for citizen”."""

from __future__ import annotations

from datetime import timedelta

from markupsafe import Markup

from townhall.admin.desk import Desk
from townhall.cases import standing
from townhall.cases.standing import Standing
from townhall.presentation import plural
from townhall.presentation import span
from townhall.records.types import Record


def lines(desk: Desk, record: Record) -> list[tuple[str, Markup, str, bool]]:
    """Label, clock and note of each clock of a case, and whether it runs; none for a case that has no clocks."""
    found = standing.of(desk.town, record)
    closed = record.closed is not None
    return [(one.label, _html(desk, one, closed), note(desk, one), one.met is None and not closed) for one in found]


def words(desk: Desk, one: Standing, closed: bool = False) -> tuple[str, str, str]:
    """Class, icon and words of a clock; of a case that is ``closed`` nothing is due any more."""
    presenter = desk.presenter
    if closed and one.met is None:
        return "", "dial-none", "none before it was closed"
    if one.met is not None:
        took = span(timedelta(minutes=one.actual_minutes)) if one.actual_minutes is not None else ""
        said = f"done in {took}" if took else "done"
        return ("due-over", "done", f"{said}, late") if one.late else ("due-ok", "done", said)
    if one.stopped:
        return "", "dial-none", f"stopped: {one.stopped[:1].lower()}{one.stopped[1:]}"
    if one.due is None:
        return "", "dial-none", "no time set"
    gap = one.due - presenter.now()
    if gap < timedelta(0):
        return "due-over", "dial-over", f"{span(-gap)} over"
    return (
        ("due-soon", "dial-low", f"due in {span(gap)}")
        if gap < timedelta(days=1)
        else ("", "dial-half", f"due in {span(gap)}")
    )


def note(desk: Desk, one: Standing) -> str:
    """When exactly, by which target, and why by this one."""
    presenter = desk.presenter
    parts = []
    if one.met is not None:
        parts.append(presenter.moment(one.met))
    elif one.due is not None:
        parts.append(presenter.moment(one.due))
    if one.target_minutes is not None:
        kind = "working time" if one.business else "day and night"
        parts.append(f"within {length(one.target_minutes, one.business)}, {kind}")
    parts.append(f"{one.target} ({one.why})" if one.why else one.target)
    return " · ".join(parts)


def length(minutes: int, business: bool = True) -> str:
    """A target's time in hours, or in whole days of 24: a working day has no length that everybody knows."""
    days, rest = divmod(minutes, 24 * 60)
    if not business and days and not rest:
        return plural(days, "day")
    if minutes % 60:
        return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // 60} h"


def _html(desk: Desk, one: Standing, closed: bool) -> Markup:
    css, icon, said = words(desk, one, closed)
    return Markup('<span class="due {}">{}{}</span>').format(css, desk.marks.icon(icon), said)
