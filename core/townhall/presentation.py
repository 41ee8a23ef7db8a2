"""How values look on a page: dates in plain words, icons, state pills and due clocks.

:func:`install` gives them to Jinja as filters and globals, for staff and public pages alike. Nothing
here knows Flask: an application is whatever has a ``jinja_env`` and a static folder.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import date
from datetime import datetime
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import Protocol
from zoneinfo import ZoneInfo

from markupsafe import Markup
from markupsafe import escape

import townhall_forms

if TYPE_CHECKING:
    from townhall.records.types import Record
    from townhall_forms.schema import State

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)

#: The icon of each tone of a workflow state; its shape carries the meaning, its colour only repeats it.
TONE_ICONS = {"new": "new", "live": "half", "wait": "pause", "ok": "done", "soon": "dial-low", "bad": "closed"}

#: Class, icon and word of each level of privacy.
PRIVACY_MARKS = {
    "public": ("mark", "globe", "Public"),
    "internal": ("mark", "building", "Internal"),
    "confidential": ("mark mark-secret", "lock", "Confidential"),
}

#: What can't stand in HTML as it is.
_SPECIAL = re.compile("[&<>\"']").search

STATIC = Path(__file__).parent / "static"
FORMS_STATIC = Path(townhall_forms.__file__).parent / "static"


class _Application(Protocol):
    """What a Flask application offers, as far as it is needed here."""

    @property
    def jinja_env(self) -> Any: ...

    static_url_path: str | None
    extensions: dict[str, Any]


def plural(count: int, one: str, many: str = "") -> str:
    """``1 case``, ``2 cases``, ``1,204 cases``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def size(count: int) -> str:
    """A file's size in words: ``84 KB``."""
    if count < 1024:
        return plural(count, "byte")
    if count < 1024 * 1024:
        return f"{round(count / 1024)} KB"
    return f"{count / 1024 / 1024:.1f} MB"


def lines(text: object) -> Markup:
    """Text of several lines as HTML that keeps its line breaks."""
    return Markup("<br>").join(str(text or "").splitlines())


def escaped(text: str) -> str:
    """Text for HTML. Most of a town's words have nothing to escape, and looking is faster than writing them anew."""
    return text if _SPECIAL(text) is None else str(escape(text))


class Presenter:
    """Words for instants and days, seen from the town's zone and the present moment."""

    def __init__(self, zone: ZoneInfo, now: Callable[[], datetime]) -> None:
        self.zone = zone
        self.now = now

    def local(self, value: datetime) -> datetime:
        """An instant on the town's own clock."""
        return value.astimezone(self.zone)

    def today(self) -> date:
        """The present day in the town."""
        return self.local(self.now()).date()

    def _date(self, value: date | datetime) -> date:
        return self.local(value).date() if isinstance(value, datetime) else value

    def day(self, value: date | datetime | None) -> str:
        """``Mon 23 Nov``; the year only if it is not this one."""
        if value is None:
            return ""
        return _day(self._date(value), self.today())

    def long_day(self, value: date | datetime | None) -> str:
        """``Monday 23 November``, with ``Today`` before it when it is."""
        if value is None:
            return ""
        day = self._date(value)
        today = self.today()
        text = f"{DAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]}"
        if day.year != today.year:
            text = f"{text} {day.year}"
        return f"Today, {text}" if day == today else text

    def clock(self, value: datetime | None) -> str:
        """``08:52`` on the town's clock."""
        return "" if value is None else _clock(self.local(value))

    def moment(self, value: datetime | None) -> str:
        """``Today 08:52`` or ``Mon 23 Nov, 08:52``."""
        if value is None:
            return ""
        local, today = self.local(value), self.today()
        if local.date() == today:
            return f"Today {_clock(local)}"
        return f"{_day(local.date(), today)}, {_clock(local)}"

    def when(self, value: datetime | None) -> str:
        """``today 08:52`` or ``Mon 23 Nov, 08:52``: a moment within a sentence."""
        return self.moment(value).replace("Today", "today", 1)

    def seen(self, value: datetime | None) -> str:
        """``Today 08:52``, and only the day for any other: for lists."""
        if value is None:
            return ""
        local, today = self.local(value), self.today()
        return f"Today {_clock(local)}" if local.date() == today else _day(local.date(), today)

    def ago(self, value: datetime | None) -> str:
        """``12 min ago``, ``3 h ago``, ``6 d ago``; ``in 5 h`` for what is to come."""
        if value is None:
            return ""
        gap = self.now() - value
        if gap < timedelta(0):
            days = (self._date(value) - self.today()).days
            if days == 1:
                return "tomorrow"
            return f"in {span(-gap)}" if days < 1 else f"in {days} d"
        return "just now" if gap < timedelta(minutes=1) else f"{span(gap)} ago"

    def due_words(self, record: Record) -> tuple[str, str, str]:
        """Class, icon and words of a record's due clock; all empty when it has none."""
        workflow = record.type.workflow
        state = workflow.states.get(record.state) if workflow is not None else None
        if state is not None and state.final:
            if record.closed is None:
                return "due-ok", "done", "done"
            return "due-ok", "done", f"done in {span(record.closed - record.created)}"
        if record.due is None:
            return ("", "dial-none", "clock stopped") if state is not None and state.pauses_clock else ("", "", "")
        gap = record.due - self.now()
        if gap < timedelta(0):
            return "due-over", "dial-over", f"overdue {span(-gap)}"
        if gap < timedelta(days=1):
            return "due-soon", "dial-low", f"due in {span(gap)}"
        days = (self._date(record.due) - self.today()).days
        if days == 1:
            return "", "dial-half", "due tomorrow"
        words = f"due in {days} d" if days <= 14 else f"due {self.day(record.due)[4:]}"
        return "", "dial-half" if days <= 3 else "dial-full", words


def _day(day: date, today: date) -> str:
    text = f"{DAYS[day.weekday()][:3]} {day.day} {MONTHS[day.month - 1][:3]}"
    return text if day.year == today.year else f"{text} {day.year}"


def _clock(local: datetime) -> str:
    return f"{local.hour:02}:{local.minute:02}"


def span(gap: timedelta) -> str:
    """A length of time in its largest fitting unit: ``12 min``, ``5 h``, ``3 d``."""
    minutes = max(int(gap.total_seconds() // 60), 0)
    if minutes < 60:
        return f"{max(minutes, 1)} min"
    if minutes < 24 * 60:
        return f"{minutes // 60} h"
    return f"{minutes // (24 * 60)} d"


@lru_cache(maxsize=256)
def asset_version(path: Path) -> str:
    """A few letters that change with the file, so that browsers may keep it for long."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:10]
    except OSError:
        return ""


class Marks:
    """The small pieces of HTML that every page repeats: icons, pills, clocks."""

    def __init__(self, presenter: Presenter, static_url: str) -> None:
        self.presenter = presenter
        self._static_url = static_url.rstrip("/")
        self._sprite = self.asset("icons.svg")
        self._crest = Markup('<svg aria-hidden="true"><use href="{}#crest"/></svg>').format(self._sprite)
        self._icons: dict[tuple[str, str], Markup] = {}
        self._pills: dict[tuple[str, str, str], Markup] = {}
        self._clocks: dict[tuple[str, str], Markup] = {}
        text = (STATIC / "icons.svg").read_text(encoding="utf-8")
        self._known = frozenset(part.split('"', 1)[0] for part in text.split('<symbol id="')[1:])
        self._privacy = {
            level: Markup('<span class="{}">{}{}</span>').format(css, self.icon(name), words)
            for level, (css, name, words) in PRIVACY_MARKS.items()
        }

    def asset(self, name: str) -> str:
        """URL of a file of the static folder."""
        version = asset_version(STATIC / name)
        return f"{self._static_url}/{name}?v={version}" if version else f"{self._static_url}/{name}"

    def forms_asset(self, name: str) -> str:
        """URL of a file of the form library's static folder."""
        return f"{self._static_url}/forms/{name}?v={asset_version(FORMS_STATIC / name)}"

    def icon(self, name: str, extra: str = "") -> Markup:
        """An icon of the sprite. It is always hidden from screen readers: put a word beside it."""
        key = (name, extra)
        made = self._icons.get(key)
        if made is None:
            symbol = name if name in self._known else "note"
            cls = f"icon {extra}" if extra else "icon"
            made = Markup('<svg class="{}" aria-hidden="true"><use href="{}#{}"/></svg>').format(
                cls, self._sprite, symbol
            )
            if len(self._icons) < 1000:
                self._icons[key] = made
        return made

    def crest(self) -> Markup:
        """The town's mark. Its name stands beside it."""
        return self._crest

    def pill_of(self, label: str, tone: str, large: bool = False) -> Markup:
        """A pill with any label in one of the tones of a state."""
        key = (label, tone, "pill-l" if large else "")
        made = self._pills.get(key)
        if made is None:
            cls = f"pill pill-{tone}" + (" pill-l" if large else "")
            made = Markup('<span class="{}">{}{}</span>').format(cls, self.icon(TONE_ICONS.get(tone, "open")), label)
            if len(self._pills) < 1000:
                self._pills[key] = made
        return made

    def pill(self, state: State | None, public: bool = False, large: bool = False) -> Markup:
        """The pill of a workflow state."""
        if state is None:
            return Markup("")
        return self.pill_of(state.public_label if public else state.label, state.tone, large)

    def record_pill(self, record: Record, public: bool = False, large: bool = False) -> Markup:
        """The pill of a record's state; nothing if it has none."""
        workflow = record.type.workflow
        return self.pill(workflow.states.get(record.state), public, large) if workflow is not None else Markup("")

    def due(self, record: Record) -> Markup:
        """The due clock of a record; nothing if it has none."""
        cls, name, words = self.presenter.due_words(record)
        if not words:
            return Markup("")
        key = (words, cls)
        made = self._clocks.get(key)
        if made is None:
            made = Markup('<span class="due {}">{}{}</span>').format(cls, self.icon(name), words)
            if len(self._clocks) < 1000:
                self._clocks[key] = made
        return made

    def time(self, value: datetime | None, words: str = "") -> Markup:
        """A ``time`` element around words for an instant."""
        if value is None:
            return Markup("")
        instant = self.presenter.local(value).isoformat(timespec="minutes")
        shown = escaped(words or self.presenter.moment(value))
        return Markup(f'<time datetime="{instant}">{shown}</time>')  # noqa: S704  # escaped, or made here

    def privacy(self, level: str) -> Markup:
        """The mark that says who may see something."""
        return self._privacy.get(level, self._privacy["internal"])


def install(app: _Application, town: Any) -> Marks:
    """Give Jinja the words and marks of the town. Returns the marks for code that writes HTML itself."""
    presenter = Presenter(town.zone, town.clock.now)
    marks = Marks(presenter, app.static_url_path or "/static")
    app.extensions["townhall_marks"] = marks
    environment = app.jinja_env
    environment.trim_blocks = True
    environment.lstrip_blocks = True
    environment.filters.update(
        day=presenter.day,
        long_day=presenter.long_day,
        clock=presenter.clock,
        moment=presenter.moment,
        when=presenter.when,
        seen=presenter.seen,
        ago=presenter.ago,
        size=size,
        lines=lines,
        plural=plural,
        # Of a constant a filter is worked out when the template is compiled: {{ 'edit'|icon }} costs nothing later.
        icon=marks.icon,
        asset=marks.asset,
        privacy_mark=marks.privacy,
    )
    environment.globals.update(
        icon=marks.icon,
        crest=marks.crest,
        pill=marks.pill,
        pill_of=marks.pill_of,
        record_pill=marks.record_pill,
        due=marks.due,
        time_of=marks.time,
        privacy_mark=marks.privacy,
        asset=marks.asset,
        forms_asset=marks.forms_asset,
        plural=plural,
        town_settings=town.settings,
        presenter=presenter,
    )
    return marks
