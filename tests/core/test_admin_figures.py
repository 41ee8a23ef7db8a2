"""The pages of figures: every number leads to its records, and says the same on screen, on paper and in a file."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs
from urllib.parse import urlsplit

import pytest
from desk import TICKET
from desk import make_ticket
from desk import make_topic
from staff_client import StaffClient
from staff_client import main_of
from staff_client import staff_client
from stories import Clock
from stories import Story
from stories import nearest_rank
from stories import write_clock

from townhall.access.actors import system
from townhall.admin.figures.counted import Keeper
from townhall.admin.figures.numbers import length
from townhall.admin.figures.tables import Shown
from townhall.clock import FixedClock
from townhall.records.figures import Slice
from townhall.records.figures.slices import decoded
from townhall.town import Town

FIGURES = "/admin/figures/"
PAGES = ("", "times", "states", "contact")
LINK = re.compile(r'<a href="(/admin/[^"]*figure=[^"]*)">([^<]*)</a>')


@pytest.fixture
def story(town: Town, clock: FixedClock) -> Story:
    """A town in which a good deal has happened."""
    story = Story(town, clock, 5)
    story.happen(60)
    return story


@pytest.fixture
def clerk(town: Town) -> StaffClient:
    """A clerk who is signed in."""
    return staff_client(town)


def tables(text: str, *, links: bool = False) -> dict[str, list[list[str]]]:
    """The rows of each table of a page, by its caption; with ``links`` cells are HTML."""
    found = {}
    for table in re.findall(r"<table class=\"table\">(.*?)</table>", text, re.DOTALL):
        caption = unescape(re.search(r"<caption[^>]*>(.*?)</caption>", table).group(1))  # type: ignore[union-attr]
        rows = [
            [cell if links else words_of(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)]
            for row in re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)
        ]
        found[caption] = rows
    return found


def listed(clerk: StaffClient, url: str) -> int:
    """How many records the page behind a figure says that there are."""
    response = clerk.get(url)
    assert response.status_code == 200
    words = main_of(response)
    found = re.search(r"([\d,]+) (?:that match|cases?\b)", words)
    assert found is not None, words[:300]
    return int(found.group(1).replace(",", ""))


@pytest.mark.parametrize("choice", [TICKET, "all"])
def test_every_figure_leads_to_exactly_its_records(story: Story, clerk: StaffClient, choice: str) -> None:
    """Each number on each page is a link, and the list behind it has as many records; two of each kind are opened."""
    seen: Counter[tuple[str, str, bool]] = Counter()
    for page in PAGES:
        response = clerk.get(f"{FIGURES}{page}?type={choice}&period=free&from=2026-03-17&to=2027-01-31")
        assert response.status_code == 200
        assert "note-soon" not in response.text
        for url, words in {(unescape(url), unescape(words)) for url, words in LINK.findall(response.text)}:
            if not re.fullmatch(r"[\d,]+", words):
                continue  # a share or a time, which have tests of their own
            wanted = decoded(parse_qs(urlsplit(url).query)["figure"][0])
            kind = (wanted.measure, wanted.of, bool(wanted.by))
            seen[kind] += 1
            if seen[kind] <= 2:
                assert listed(clerk, url) == int(words.replace(",", "")), (url, words)
    assert len(seen) > 15


#: Columns that hold no number of records, nor a time that records took: how often, how much more, how many to one.
NO_RECORDS = {"Times", "Change", "Change of it", "E-mails to letters"}


@pytest.mark.parametrize("choice", [TICKET, "all"])
def test_every_figure_is_a_link(story: Story, clerk: StaffClient, choice: str) -> None:
    """Each cell but noughts and dashes leads to records; a share to those that it is a share of."""
    linked = 0
    for page in PAGES:
        response = clerk.get(f"{FIGURES}{page}?type={choice}&period=free&from=2026-03-17&to=2027-01-31")
        for caption, (columns, *rows) in tables(response.text, links=True).items():
            for row in rows:
                numbers = {link_of(cell) for cell in row if re.fullmatch(r"[\d,]+", words_of(cell))}
                for column, cell in zip(columns[1:], row[1:], strict=True):
                    text = words_of(cell)
                    if words_of(column) in NO_RECORDS or text in ("", "0", "\u2013", "0\u00a0%"):
                        continue
                    assert link_of(cell), (caption, words_of(row[0]), words_of(column), text)
                    assert not text.endswith("%") or link_of(cell) in numbers, (caption, text)
                    linked += 1
    assert linked > 100


@pytest.mark.parametrize("choice", [TICKET, "all"])
def test_a_time_leads_to_the_cases_that_took_longer(story: Story, clerk: StaffClient, choice: str) -> None:
    """Each median, percentile and target opens as many cases as the journal has that took longer, or else all."""
    opened: Counter[str] = Counter()
    for page in ("times", "states"):
        response = clerk.get(f"{FIGURES}{page}?type={choice}&period=free&from=2026-03-17&to=2027-01-31&by=topic")
        for columns, *rows in tables(response.text, links=True).values():
            for row in rows:
                for column, cell in zip(columns, row, strict=True):
                    if ("within" not in words_of(column) and words_of(column) != "Target") or not link_of(cell):
                        continue
                    wanted = decoded(parse_qs(urlsplit(link_of(cell)).query)["figure"][0])
                    times = times_behind(story, wanted)
                    many = listed(clerk, link_of(cell))
                    if wanted.measure in ("longer", "stayed"):
                        minutes = int(wanted.of.rpartition(".")[2])
                        assert words_of(cell) == length(minutes, business=".working." in wanted.of).text
                        assert many == len({id for id, time in times if time > minutes}) > 0, wanted
                        share = re.match(r"(\d+) of 100|(Half)", words_of(column))
                        if share is not None:
                            assert minutes == nearest_rank([time for _, time in times], int(share.group(1) or 50))
                            assert sum(time > minutes for _, time in times) * 100 <= len(times) * (
                                100 - int(share.group(1) or 50)
                            )
                    else:
                        assert many == len({id for id, _ in times}), wanted
                    opened[wanted.measure] += 1
    assert opened["longer"] > 5
    assert opened["measured"] > 0
    assert opened["stayed"] > 2


def times_behind(story: Story, wanted: Slice) -> list[tuple[int, int]]:
    """Ids and minutes that a figure of times is about, from the journal."""
    assert wanted.period is not None
    kind, _, rest = wanted.of.partition(".")
    if wanted.measure in ("left", "stayed"):
        return [(id, time // timedelta(minutes=1)) for id, time in story.stays(wanted.period).get(kind, [])]
    mine = [case for case in story.met(wanted.period, kind) if wanted.value in ("", str(case.topic))]
    clocks = [(case.id, case.clocks[kind]) for case in mine]
    return [(id, clock.minutes or 0) for id, clock in clocks if clock.business == rest.startswith("working")]


def words_of(cell: str) -> str:
    """What a cell says."""
    return unescape(re.sub(r"<[^>]+>", "", cell))


def link_of(cell: str) -> str:
    """Where a cell leads to."""
    found = re.search(r'href="([^"]+)"', cell)
    return unescape(found.group(1)) if found is not None else ""


def test_screen_paper_and_file_say_the_same(story: Story, clerk: StaffClient) -> None:
    """The CSV of each table has its rows, with plain numbers; the print has the same tables."""
    for page in PAGES:
        query = f"type={TICKET}&period=last_quarter&with=year"
        shown = clerk.get(f"{FIGURES}{page}?{query}")
        printed = clerk.get(f"{FIGURES}print{'/' if page else ''}{page}?{query}")
        assert tables(printed.text) == tables(shown.text)
        assert "<script>" not in shown.text
        for url in re.findall(r'href="(/admin/figures/csv[^"]+)"', shown.text):
            response = clerk.get(unescape(url))
            assert response.mimetype == "text/csv"
            name = parse_qs(urlsplit(unescape(url)).query)["table"][0]
            assert name.replace("_", "-") in response.headers["Content-Disposition"]
            rows = list(csv.reader(io.StringIO(response.text.lstrip("\ufeff"))))
            caption = unescape(re.search(rf'id="t-{name}">([^<]*)<', shown.text).group(1))  # type: ignore[union-attr]
            on_screen = tables(shown.text)[caption]
            assert len(rows) == len(on_screen)
            assert [row[0] for row in rows] == [row[0] for row in on_screen]
            for row, cells in zip(rows[1:], on_screen[1:], strict=True):
                for value, text in zip(row[1:], cells[1:], strict=True):
                    assert value.replace(".", "").replace("-", "").isdigit() or value == "" or not text[:1].isdigit()


def test_a_figure_stays_with_the_list(story: Story, clerk: StaffClient) -> None:
    """It is a chip that can be taken off, goes with other filters, into the file, the print and a saved view."""
    wanted = Slice("came_in", by="topic", value=str(story.topics[0]))
    text = f"came_in~2026-03-01~2027-02-01~~topic~{wanted.value}"
    url = f"/admin/desk/ticket/?view=all&figure={text}"
    many = listed(clerk, url)
    page = clerk.get(url)
    assert "Came in, 1 March 2026 to 1 February 2027, Topic: Potholes" in page.text
    assert f'name="figure" value="{text}"' in page.text
    assert listed(clerk, f"{url}&state=done") < many
    rows = list(csv.reader(io.StringIO(clerk.get(f"/admin/desk/ticket/export.csv?view=all&figure={text}").text)))
    assert len(rows) - 1 == many
    assert f"{many} line" in main_of(clerk.get(f"/admin/desk/ticket/print?view=all&figure={text}"))
    clerk.post("/admin/desk/ticket/save-view", {"query": f"view=all&figure={text}", "label": "Potholes of the year"})
    saved = re.search(r'href="([^"]*saved=\d+)"', clerk.get("/admin/desk/ticket/").text)
    assert saved is not None
    assert listed(clerk, unescape(saved.group(1))) == many
    gone = clerk.get("/admin/desk/ticket/?view=all&figure=came_in~2026-03-01")
    assert "its days are no dates" in gone.text


def test_half_the_time_and_half_as_many_again(town: Town, clock: FixedClock, clerk: StaffClient) -> None:
    """Two months of which the second answered in half the time, and half as many again by e-mail: −50 % and +50 %."""
    topic = make_topic(town)
    for month, answers, minutes in ((1, 4, 120), (2, 6, 60)):
        for number in range(answers):
            at = datetime(2026, month, 10 + number, 15, tzinfo=UTC)
            clock.move(at - town.clock.now())
            ticket = make_ticket(town, system(), topic)
            values = {"channel": "email", "direction": "out", "body": "Yes.", "at": at}
            town.records.create(system(), "core.interaction", values)
            clock_row = Clock(at + timedelta(hours=4), at + timedelta(minutes=minutes), minutes, business=True)
            write_clock(town, ticket.id, "first_response", at, clock_row)
    clock.move(datetime(2026, 3, 17, 16, tzinfo=UTC) - town.clock.now())
    query = f"type={TICKET}&period=free&from=2026-02-01&to=2026-02-28&with=before"
    times = clerk.get(f"{FIGURES}times?{query}")
    assert "−50\u00a0%, from 2.0\u00a0h" in times.text
    assert "First response, half of them within 1.0 h" in main_of(times)
    # February has 28 days, so the days before are the last 28 of January: all four answers are among them.
    assert tables(times.text)["In short"][1][:2] == ["First response, working time", "6"]
    assert "+50\u00a0%" in tables(times.text)["In short"][1]
    contact = clerk.get(f"{FIGURES}contact?{query}")
    assert tables(contact.text)["We contacted them, by channel"][1] == ["E-mail", "6", "4", "+50\u00a0%"]


def test_channels_by_month_and_the_ratio_of_mail_to_letters(town: Town, clerk: StaffClient) -> None:
    """What was written down by channel is what the page says, with e-mails to letters."""
    for channel, times in (("email", 9), ("letter", 3), ("phone", 5)):
        for _ in range(times):
            values: dict[str, Any] = {"channel": channel, "direction": "in", "body": "Hello"}
            town.records.create(system(), "core.interaction", values)
    page = clerk.get(f"{FIGURES}contact?type={TICKET}&period=this_month")
    rows = tables(page.text)["How people reach us"]
    assert rows[0] == ["Month", "E-mail", "Phone", "Letter", "All", "E-mails to letters"]
    assert rows[1] == ["Mar 2026", "9", "5", "3", "17", "3.0 : 1"]


def test_nobody_reads_what_they_may_not_see(town: Town, story: Story) -> None:
    """Whoever sees only tickets has no figure of interactions, and no group that a hidden type would name."""
    from townhall.access.roles import ROLES

    role = town.system.role
    role.update({role.permissions: '["desk.ticket.view", "desk.ticket.see_internal"]'}).where(
        role.name == "viewer"
    ).execute()
    assert "viewer" in ROLES
    viewer = staff_client(town, "viewer")
    page = viewer.get(f"{FIGURES}contact?type={TICKET}")
    assert "They contacted us" not in page.text
    assert "Once, or again and again" in page.text
    options = re.findall(r'<option value="([^"]*)"', page.text.partition('id="f-by"')[2].partition("</select>")[0])
    assert "topic" not in options
    assert "secret" not in options
    assert "kind" in options
    refused = viewer.get(f"{FIGURES}?type={TICKET}&by=topic")
    assert "can’t be grouped by that" in refused.text.replace("&#39;", "’").replace("can't", "can’t")
    assert viewer.get("/admin/core/interaction/?figure=talks_in~2026-03-01~2026-03-02").status_code == 403
    role.update({role.permissions: "[]"}).where(role.name == "viewer").execute()
    nothing = viewer.get(FIGURES)
    assert "There are no cases to count" in nothing.text
    assert 'href="/admin/figures/"' not in nothing.text


@pytest.mark.parametrize("role", ["contractor", "reviewer", "department_clerk", "auditor"])
def test_each_role_has_all_pages(story: Story, role: str) -> None:
    """What somebody may not ask is left out of a page, and never refuses all of it."""
    client = staff_client(story.town, role)
    for page in PAGES:
        for choice in (TICKET, "all"):
            assert client.get(f"{FIGURES}{page}?type={choice}&period=this_year").status_code == 200


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("type=desk.nothing", "There are no such cases here"),
        ("period=tomorrow", "There is no such period"),
        ("period=free&from=2026-13-01", "Write the days as dates"),
        ("period=free&from=2026-03-02&to=2026-03-01", "A period goes from a day"),
        ("period=free&from=0001-01-01&to=9999-12-31", "A period goes from a day"),
        ("period=free&from=1990-01-01&to=2026-03-01", "More than five years"),
        ("by=secret", "grouped in the usual way"),
        ("with=never", ""),
    ],
)
def test_what_cannot_be_followed_is_said(clerk: StaffClient, query: str, sentence: str) -> None:
    """An address that asks for nonsense shows the usual page and a sentence."""
    for page in PAGES:
        response = clerk.get(f"{FIGURES}{page}?{query}")
        assert response.status_code == 200
        assert sentence in main_of(response)
    assert clerk.get(f"{FIGURES}csv?page=nowhere&table=months").status_code == 404
    assert clerk.get(f"{FIGURES}csv?page=&table=nothing").status_code == 404
    assert clerk.get(f"{FIGURES}records?figure=nothing").status_code == 404


def test_days_that_somebody_changed_in_the_form_count(clerk: StaffClient) -> None:
    """The form shows the days of the period that was chosen: changed days win, a changed period wins over old days."""
    form = f"{FIGURES}?type={TICKET}&was=this_month&from=2026-03-01&to=2026-03-10"
    assert "1 March to 10 March 2026" in main_of(clerk.get(f"{form}&period=this_month"))
    assert "February 2026" in main_of(clerk.get(f"{form}&period=last_month"))


def test_a_group_that_looks_like_a_formula_is_harmless_in_a_file(town: Town, clerk: StaffClient) -> None:
    """What somebody called a topic is text to a spreadsheet."""
    make_ticket(town, system(), make_topic(town, "=cmd()"))
    response = clerk.get(f"{FIGURES}csv?page=&table=groups&type={TICKET}&by=topic")
    assert "\n'=cmd()," in response.text.replace("\r\n", "\n")


def test_a_page_that_took_long_says_when_it_was_counted(clock: FixedClock) -> None:
    """It is kept for ten minutes, and counted again when somebody asks; a quick page is counted each time."""
    made: list[int] = []

    def build(seconds: int = 1) -> Shown:
        made.append(1)
        clock.move(timedelta(seconds=seconds))
        return Shown([], [])

    keeper, now = Keeper(clock, slow=0.5), clock.now()
    assert not keeper.get("key", build).kept
    clock.move(timedelta(minutes=9))
    assert keeper.get("key", build).kept
    assert keeper.get("key", build).at == now
    assert len(made) == 1
    assert not keeper.get("key", build, again=True).kept
    clock.move(timedelta(minutes=11))
    assert not keeper.get("key", build).kept
    assert not keeper.get("other", build).kept
    for _ in range(2):
        assert not keeper.get("quick", lambda: build(seconds=0)).kept


def test_who_may_see_no_cases_is_told_so(make_town: Any) -> None:
    """A town without modules counts tasks; whoever may see none of its cases has nothing to count."""
    town = make_town()
    assert "Tasks" in staff_client(town).get(FIGURES).text
    town.system.role.insert(name="phone", permissions='["core.contact.view"]').execute()
    assert "There are no cases to count" in staff_client(town, "phone").get(FIGURES).text
