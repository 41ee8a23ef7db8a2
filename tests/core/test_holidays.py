"""Days off from calendar files and as suggestions, and the pages where they are confirmed."""

from __future__ import annotations

from datetime import date
from io import BytesIO

import pytest
from counting import CALENDAR
from counting import make_calendar
from staff_client import StaffClient
from staff_client import main_of
from staff_client import staff_client

from townhall.access.actors import system
from townhall.cases import holidays
from townhall.cases import rules
from townhall.errors import Rejected
from townhall.town import Town

TODAY = date(2026, 3, 17)
FILE = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//County//EN
BEGIN:VTIMEZONE
TZID:Nowhere/Special
BEGIN:STANDARD
DTSTART:19701101T020000
TZOFFSETFROM:-0500
TZOFFSETTO:-0600
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
UID:1
DTSTART;VALUE=DATE:20001123
RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH;UNTIL=20280101T000000Z
EXDATE;VALUE=DATE:20271125
SUMMARY:Thanksgiving
END:VEVENT
BEGIN:VEVENT
UID:2
DTSTART;VALUE=DATE:20261224
DTEND;VALUE=DATE:20261227
SUMMARY:Christmas\\, all of it
END:VEVENT
BEGIN:VEVENT
UID:3
DTSTART;TZID=Nowhere/Special:20260704T090000
SUMMARY:Fourth of July
END:VEVENT
BEGIN:VEVENT
UID:4
DTSTART;VALUE=DATE:20260501
STATUS:CANCELLED
SUMMARY:Parade
END:VEVENT
BEGIN:VEVENT
UID:5
DTSTART;VALUE=DATE:20260105
RRULE:FREQ=WEEKLY
SUMMARY:Market
END:VEVENT
BEGIN:VEVENT
UID:6
DTSTART;VALUE=DATE:19990101
SUMMARY:Long ago
END:VEVENT
END:VCALENDAR
""".replace("4TH;", "4TH;").replace("\n", "\r\n")


def test_a_calendar_file_is_read_as_it_is_found() -> None:
    """Yearly rules from last year to three ahead, several days, exceptions; no cancelled, weekly or old ones."""
    found = holidays.read_icalendar(FILE.encode(), TODAY)
    assert [day.isoformat() for day, name in found.days if name == "Thanksgiving"] == ["2025-11-27", "2026-11-26"]
    assert [day.isoformat() for day, name in found.days if "Christmas, all" in name] == [
        "2026-12-24", "2026-12-25", "2026-12-26",
    ]  # fmt: skip
    assert (date(2026, 7, 4), "Fourth of July") in found.days
    assert len(found.days) == 6
    assert found.left_out == 1


def calendar_of(start: str, end: str, rule: str = "") -> bytes:
    """A calendar file with one entry, which ends before the second day."""
    lines = (
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//School//EN", "BEGIN:VEVENT", "UID:1",
        f"DTSTART;VALUE=DATE:{start}", f"DTEND;VALUE=DATE:{end}",
        *([f"RRULE:{rule}"] if rule else []), "SUMMARY:School closed", "END:VEVENT",
        "END:VCALENDAR", "",
    )  # fmt: skip
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize(
    ("start", "end", "rule", "first", "count", "cut"),
    [
        ("20260614", "20260823", "", date(2026, 6, 14), 70, 0),
        ("20250614", "20250823", "FREQ=YEARLY", date(2025, 6, 14), 350, 0),
        ("20260101", "20270101", "", date(2026, 1, 1), 365, 0),
        ("20260101", "20270301", "", date(2026, 1, 1), 366, 58),
        ("20200101", "20260101", "", date(2025, 1, 1), 365, 0),
        ("20200101", "99991231", "", date(2025, 1, 1), 366, 5 * 365 + 1 - 366),
    ],
)
def test_a_long_closure_is_taken_whole(start: str, end: str, rule: str, first: date, count: int, cut: int) -> None:
    """A school's summer; of what lasts longer than a year a year is taken, and what is left out is counted."""
    found = holidays.read_icalendar(calendar_of(start, end, rule), TODAY)
    assert (found.days[0][0], len(found.days), found.cut) == (first, count, cut)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"hello", "no calendar file"),
        (b"\xff\xfe\x00", "no calendar file"),
        (b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "no day from last year"),
        (b"x" * (holidays.LARGEST_FILE + 1), "larger"),
    ],
)
def test_another_file_is_refused_in_a_sentence(data: bytes, words: str) -> None:
    """Whatever it is."""
    with pytest.raises(Rejected, match=words):
        holidays.read_icalendar(data, TODAY)


def test_public_holidays_are_suggested() -> None:
    """Of a country and a region; an unknown place is told with some that are known."""
    found = dict(holidays.suggested("us", "OH", TODAY))
    assert "Thanksgiving" in found[date(2026, 11, 26)]
    assert {day.year for day in found} == {2025, 2026, 2027, 2028, 2029}
    with pytest.raises(Rejected, match="no known country"):
        holidays.suggested("XX", "", TODAY)
    with pytest.raises(Rejected, match="There are A"):
        holidays.suggested("US", "ZZ", TODAY)


@pytest.fixture
def chief(town: Town) -> StaffClient:
    """An administrator who is signed in."""
    return staff_client(town, "administrator")


def test_days_off_wait_until_somebody_confirms_them(town: Town, chief: StaffClient) -> None:
    """Uploaded, looked at, confirmed or taken away; only what is confirmed counts."""
    calendar = make_calendar(town)
    page = f"/admin/core/working_calendar/{calendar.id}/holidays"
    assert "holidays" in chief.get(page.removesuffix("holidays")).text
    chief.get(page)
    sent = chief.post(page, {"do": "upload", "file": (BytesIO(FILE.encode()), "county.ics")})
    words = main_of(chief.follow(sent))
    assert "6 days are new" in words
    assert "1 entry could not be used" in words
    assert "Thu 26 Nov Thanksgiving" in words
    assert rules.current(town).calendars[calendar.id].holidays == frozenset()
    assert "6 days wait to be confirmed" in main_of(chief.get(page.removesuffix("holidays")))
    chief.get(page)
    chief.follow(chief.post(page, {"do": "confirm", "day": ["2026-11-26", "nonsense"]}))
    assert rules.current(town).calendars[calendar.id].holidays == {date(2026, 11, 26)}
    chief.follow(chief.post(page, {"do": "remove", "day": ["2026-07-04", "2026-11-26"]}))
    rows = town.records.get(system(), CALENDAR, calendar.id)["holidays"]
    assert len(rows) == 5
    assert date(2026, 11, 26) in {row["date"] for row in rows}
    again = chief.post(page, {"do": "upload", "file": (BytesIO(FILE.encode()), "county.ics")})
    assert "1 day is new" in main_of(chief.follow(again))


def test_days_that_were_left_out_are_counted_on_the_page(town: Town, chief: StaffClient) -> None:
    """Those of an entry beyond a year; more days than a calendar holds are refused, and nothing is changed."""
    calendar = make_calendar(town)
    page = f"/admin/core/working_calendar/{calendar.id}/holidays"
    chief.get(page)
    long, often = calendar_of("20260101", "20270301"), calendar_of("20250101", "20251101", "FREQ=YEARLY")
    words = main_of(chief.follow(chief.post(page, {"do": "upload", "file": (BytesIO(long), "school.ics")})))
    assert "366 days are new" in words
    assert "58 days could not be used: of one entry a year is taken at most." in words
    chief.get(page)
    refused = chief.post(page, {"do": "upload", "file": (BytesIO(often), "school.ics")})
    assert refused.status_code == 422
    assert "Enter at most 1000 lines." in main_of(refused)
    assert len(town.records.get(system(), CALENDAR, calendar.id)["holidays"]) == 366


def test_what_cant_be_used_is_told_on_the_page(town: Town, chief: StaffClient) -> None:
    """No file, another file, an unknown place, nothing ticked: a sentence each, and nothing is changed."""
    calendar = make_calendar(town)
    page = f"/admin/core/working_calendar/{calendar.id}/holidays"
    chief.get(page)
    for data, words in (
        ({"do": "upload"}, "Choose a calendar file first."),
        ({"do": "upload", "file": (BytesIO(b"hello"), "a.ics")}, "This is no calendar file."),
        ({"do": "suggest", "country": "XX"}, "no known country"),
        ({"do": "confirm"}, "Tick the days"),
    ):
        answer = chief.post(page, data)
        assert answer.status_code == 422
        assert words in main_of(answer)
    assert town.records.get(system(), CALENDAR, calendar.id).version == 1
