"""Words for dates, clocks and sizes, and the small pieces of HTML that all pages share."""

from __future__ import annotations

from datetime import UTC
from datetime import date
from datetime import datetime
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from desk import make_ticket
from desk import make_topic

from townhall.access.actors import system
from townhall.presentation import Marks
from townhall.presentation import Presenter
from townhall.presentation import lines
from townhall.presentation import plural
from townhall.presentation import size
from townhall.town import Town

#: A Monday morning in New York.
NOW = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture
def presenter() -> Presenter:
    """Words as they are on that morning."""
    return Presenter(NEW_YORK, lambda: NOW)


def test_days_and_moments_are_told_as_people_tell_them(presenter: Presenter) -> None:
    """Today is called today, the year stands only if it is another one, and the town's own clock counts."""
    assert presenter.day(date(2026, 11, 27)) == "Fri 27 Nov"
    assert presenter.day(date(2025, 11, 27)) == "Thu 27 Nov 2025"
    assert presenter.long_day(NOW) == "Today, Monday 23 November"
    assert presenter.long_day(date(2027, 1, 2)) == "Saturday 2 January 2027"
    assert presenter.moment(NOW - timedelta(hours=1)) == "Today 08:00"
    assert presenter.moment(NOW - timedelta(days=1)) == "Sun 22 Nov, 09:00"
    assert presenter.when(NOW - timedelta(hours=1)) == "today 08:00"
    assert presenter.when(NOW - timedelta(days=1)) == "Sun 22 Nov, 09:00"
    # Three in the morning in London is still the evening before in New York.
    assert presenter.seen(datetime(2026, 11, 23, 3, 0, tzinfo=UTC)) == "Sun 22 Nov"
    assert presenter.clock(NOW) == "09:00"
    assert [presenter.day(None), presenter.moment(None), presenter.ago(None)] == ["", "", ""]


@pytest.mark.parametrize(
    ("gap", "words"),
    [
        (timedelta(seconds=20), "just now"),
        (timedelta(minutes=12), "12 min ago"),
        (timedelta(hours=3), "3 h ago"),
        (timedelta(days=6), "6 d ago"),
        (timedelta(hours=-5), "in 5 h"),
        (timedelta(days=-1), "tomorrow"),
        (timedelta(days=-4), "in 4 d"),
    ],
)
def test_how_long_ago_is_told_in_its_largest_unit(presenter: Presenter, gap: timedelta, words: str) -> None:
    """Minutes, then hours, then days; the same ahead."""
    assert presenter.ago(NOW - gap) == words


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"due": NOW + timedelta(hours=3)}, "due in 3 h"),
        ({"due": NOW + timedelta(days=1, hours=2)}, "due tomorrow"),
        ({"due": NOW + timedelta(days=3)}, "due in 3 d"),
        ({"due": NOW + timedelta(days=40)}, "due 2 Jan 2027"),
        ({"due": NOW - timedelta(hours=5)}, "overdue 5 h"),
        ({"due": NOW - timedelta(days=2)}, "overdue 2 d"),
        ({"due": None, "state": "waiting"}, "clock stopped"),
        ({"due": NOW - timedelta(days=2), "state": "waiting"}, "overdue 2 d"),
        ({"state": "done", "created": NOW - timedelta(days=4), "closed": NOW - timedelta(days=1)}, "done in 3 d"),
        ({"due": None}, ""),
    ],
)
def test_a_due_clock_says_how_it_stands(town: Town, presenter: Presenter, change: dict[str, Any], words: str) -> None:
    """Hours below a day, then days; a stopped or finished clock says so, and no date shows nothing."""
    made = make_ticket(town, system(), make_topic(town))
    said = {name: getattr(made, name) for name in ("type", "state", "created", "due", "closed")}
    record: Any = SimpleNamespace(**{**said, **change})
    assert presenter.due_words(record)[2] == words


def test_icons_and_pills_escape_what_they_are_given(presenter: Presenter) -> None:
    """Labels are text; an icon that is not in the sprite becomes a plain one; icons are hidden from readers."""
    marks = Marks(presenter, "/static")
    assert 'aria-hidden="true"' in marks.icon("phone")
    assert "#phone" in marks.icon("phone")
    assert "#note" in marks.icon('x"><script>')
    assert "&lt;b&gt;" in marks.pill_of("<b>", "live")
    assert marks.pill(None) == ""
    assert marks.asset("townhall.css").startswith("/static/townhall.css?v=")
    assert marks.asset("gone.css") == "/static/gone.css"


def test_small_words() -> None:
    """Plurals, sizes and line breaks."""
    assert [plural(1, "case"), plural(2, "case"), plural(1204, "case")] == ["1 case", "2 cases", "1,204 cases"]
    assert plural(2, "is overdue", "are overdue") == "2 are overdue"
    assert [size(1), size(86_016), size(3_500_000)] == ["1 byte", "84 KB", "3.3 MB"]
    assert lines("a <b>\nc") == "a &lt;b&gt;<br>c"
    assert lines(None) == ""


def test_an_application_gets_words_and_marks(town: Town) -> None:
    """Installing gives Jinja the filters and globals, whatever the application is."""
    from jinja2 import Environment

    from townhall import presentation

    app = SimpleNamespace(jinja_env=Environment(autoescape=True), static_url_path="/static", extensions={})
    presentation.install(app, town)
    made = app.jinja_env.from_string("{{ icon('phone') }}{{ town_settings.name }}{{ 2|plural('line') }}").render()
    assert "Milbrook2 lines" in made
