"""The calendar: what happens when, over all types that have times, and a feed for people's own calendars."""

from __future__ import annotations

import calendar as months
from dataclasses import dataclass
from datetime import date
from datetime import datetime
from datetime import time
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import Any

from flask import Response
from flask import abort
from flask import flash
from flask import redirect
from flask import request
from flask import session
from flask.typing import ResponseReturnValue
from flask_admin import expose

from townhall.access.actors import Actor
from townhall.accounts import people
from townhall.admin import taking
from townhall.admin import urls
from townhall.admin.staff import StaffView
from townhall.db import meta
from townhall.events import calendar
from townhall.events.calendar import CalendarEntry
from townhall.presentation import MONTHS
from townhall.records import secret_links

if TYPE_CHECKING:
    from townhall.admin.desk import Desk
    from townhall.town import Town

EVENT = "core.event"
#: What the secret of a feed stands for.
PURPOSE = "calendar"
FEED = "/admin/calendar/feed/"


@dataclass(frozen=True, slots=True)
class Shown:
    """An event on the day on which it begins, or for a long one, also on the day on which it ends."""

    event: CalendarEntry
    ends: bool = False


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the month's grid, or of the list."""

    date: date
    inside: bool
    today: bool
    entries: tuple[Shown, ...] = ()


class CalendarView(StaffView):
    """A month at a time."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, name="Calendar", endpoint="admin_calendar", url=urls.CALENDAR.rstrip("/"))

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """The month that is asked for, as a grid and as a list."""
        today = self.desk.presenter.today()
        first = _month(request.args.get("month", "")) or today.replace(day=1)
        weeks = self._weeks(first, today)
        following = (first + timedelta(days=32)).replace(day=1)
        before = (first - timedelta(days=1)).replace(day=1)
        days = [day for week in weeks for day in week if day.inside and day.entries]
        past = [day for day in days if day.date < today and first == today.replace(day=1)]
        coming = [day for day in days if day not in past]
        return self.render(
            "admin/calendar.html",
            heading=f"{MONTHS[first.month - 1]} {first.year}",
            weeks=weeks,
            days=days,
            past=past,
            past_count=sum(len(day.entries) for day in past),
            coming=coming,
            coming_count=sum(len(day.entries) for day in coming),
            month=f"{first:%Y-%m}",
            this_month=first == today.replace(day=1),
            next_url=urls.with_query(urls.CALENDAR, [("month", f"{following:%Y-%m}")]),
            previous_url=urls.with_query(urls.CALENDAR, [("month", f"{before:%Y-%m}")]),
            icon_of=lambda event: self.town.schemas[event.identity].icon,
            url_of=lambda event: urls.record_url(event.identity, event.id),
            may_add=self.town.records.may(self.actor, "create", "core.event"),
            has_feed=self._has_feed(self.actor),
            new_feed=request.args.get("feed") == "new" and self._fresh_feed(),
        )

    def _weeks(self, first: date, today: date) -> list[list[Day]]:
        grid = months.Calendar(firstweekday=0).monthdatescalendar(first.year, first.month)
        zone = self.town.zone
        start = datetime.combine(grid[0][0], time(), zone)
        end = datetime.combine(grid[-1][-1] + timedelta(days=1), time(), zone)
        by_day: dict[date, list[Shown]] = {}
        local = self.desk.presenter.local
        for entry in calendar.entries(self.town, self.actor, start, end):
            first_day = local(entry.starts).date()
            by_day.setdefault(first_day, []).append(Shown(entry))
            last = first_day
            if entry.ends is not None:
                # One that ends at midnight ends on the day before; a whole-day event with its last day.
                last = local(entry.ends if entry.all_day else entry.ends - timedelta(microseconds=1)).date()
            if last > first_day:
                by_day.setdefault(last, []).append(Shown(entry, ends=True))
        return [
            [Day(day, day.month == first.month, day == today, tuple(by_day.get(day, ()))) for day in week]
            for week in grid
        ]

    # -- the feed ---------------------------------------------------------------------------------------------

    def _has_feed(self, actor: Actor) -> bool:
        model: Any = self.town.system.secret_link
        return (
            model.select()
            .where(
                (model.identity == secret_links.STAFF)
                & (model.record_id == actor.id)
                & (model.purpose == PURPOSE)
                & model.revoked_at.is_null()
            )
            .exists()
        )

    def _fresh_feed(self) -> str:
        """The address that was made a moment ago: it is shown once."""
        token = session.pop("calendar_feed", "")
        return f"{request.host_url.rstrip('/')}{FEED}{token}.ics" if token else ""

    @expose("/feed", methods=("POST",))
    def feed(self) -> ResponseReturnValue:
        """Make a new secret address, or switch the feed off. Older addresses stop working either way."""
        actor = self.actor
        if actor.id is None:
            abort(403)
        secret_links.revoke_all(self.town, secret_links.STAFF, actor.id, PURPOSE)
        if request.form.get("off"):
            flash("The feed is off. Calendars that used the old address get nothing any more.", "ok")
            return redirect(f"{urls.CALENDAR}#feed")
        session["calendar_feed"] = secret_links.make(self.town, secret_links.STAFF, actor.id, PURPOSE)
        return redirect(f"{urls.CALENDAR}?feed=new#feed")


def feed_response(desk: Desk, token: str) -> Response:
    """The feed behind a secret address: what its owner may see, for their own calendar."""
    from townhall.events import ical  # not needed by any other page, and slow to import

    found = secret_links.resolve(desk.town, token, PURPOSE)
    if found is None or found[0] != secret_links.STAFF:
        abort(404)
    person = people.by_id(desk.town, found[1])
    if not person.active:
        abort(404)
    owner = Actor("staff", person.name, person.id, person.permissions, door="calendar")
    text = ical.feed_text(desk.town, owner)
    _write_down(desk.town, owner, text.count("BEGIN:VEVENT"))
    response = Response(text, mimetype="text/calendar")
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _write_down(town: Town, owner: Actor, many: int) -> None:
    """Write down that a calendar took the feed along: once a day, since calendars ask every few minutes."""
    key, today = f"feed_read:{owner.id}", town.today().isoformat()
    if meta.get(town.system, key) != today and not taking.takes_nothing():
        meta.put(town.system, key, today)
        taking.write_down(town, owner, EVENT, "export", many, ["Calendar feed of all types, first time that day"])


def _month(text: str) -> date | None:
    try:
        first = date.fromisoformat(f"{text}-01")
    except ValueError:
        return None
    # The months beside the first and last ones that there are have no dates.
    return first if date.min.year < first.year < date.max.year else None
