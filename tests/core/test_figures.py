"""Managers' figures: each is what a slow count of the same history gives, and the list behind it has its records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from collections.abc import Sequence
from datetime import date
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from desk import TICKET
from stories import FINAL
from stories import FRESH
from stories import OPEN
from stories import STAFF
from stories import Clock
from stories import Story
from stories import nearest_rank

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.clock import FixedClock
from townhall.records import figures
from townhall.records.figures import AGES
from townhall.records.figures import Period
from townhall.records.figures import Slice
from townhall.records.figures import handing
from townhall.town import Town

TALK = "core.interaction"


@pytest.fixture
def story(town: Town, clock: FixedClock, request: pytest.FixtureRequest) -> Story:
    """A town in which a good deal has happened; another one for each seed."""
    story = Story(town, clock, getattr(request, "param", 1))
    story.happen(100)
    return story


@pytest.fixture
def periods(story: Story) -> list[Period]:
    """Periods of all sorts: whole months, some days, one that isn't over, one that hasn't begun to matter."""
    first, today = story.began.date(), story.town.clock.now().date()
    chance, days = story.chance, (today - first).days
    made = [Period(first, today), Period(first, today + timedelta(days=9)), Period(date(2020, 1, 1), date(2020, 1, 31))]
    for _ in range(3):
        begin = first + timedelta(days=chance.randrange(days))
        made.append(Period(begin, begin + timedelta(days=chance.randrange(60))))
    return made


def found(town: Town, actor: Actor, wanted: Slice, identity: str = TICKET) -> set[int]:
    """The records that the list behind a figure has."""
    page = town.records.find(actor, identity, figure=wanted, sort="-id", limit=1000, fields=())
    ids = {record.id for record in page.records}
    assert town.records.count(actor, identity, figure=wanted).value == len(ids)
    assert figures.count(town, actor, identity, wanted) == len(ids)
    return ids


def expected(story: Story, period: Period) -> Iterator[tuple[Slice, set[int]]]:
    """Every measure of cases in a period, with the tickets that it picks."""
    now = story.town.clock.now()
    yield Slice("came_in", period), story.moved(period, FRESH, OPEN)
    yield Slice("closed", period), story.moved(period, OPEN, FINAL)
    yield Slice("reopened", period), story.moved(period, FINAL, OPEN)
    yield Slice("open", period), story.open(period)
    yield Slice("back_again", period), story.back_again(period)
    yield Slice("handed_on", period, "assignee"), set(story.handed(period))
    yield Slice("repeats", period), story.repeats(period)
    yield Slice("first_contact", period), story.first_contact(period)
    contacted = story.ids(lambda case: case.contact is not None)
    yield Slice("with_contact", period), story.moved(period, FRESH, OPEN) & contacted
    yield Slice("overdue"), story.ids(lambda case: case.state == "new" and case.due is not None and case.due < now)
    dormant = now - timedelta(days=figures.DORMANT_DAYS)
    yield Slice("dormant"), story.ids(lambda c: c.state in OPEN and c.updated is not None and c.updated < dormant)
    for kind in figures.KINDS:
        yield Slice("measured", period, kind), {case.id for case in story.met(period, kind)}
        for way, business in (("working", True), ("calendar", False)):
            for minutes in (0, 20, 59):
                slow = {c.id for c in story.met(period, kind) if took_longer(c.clocks[kind], minutes, business)}
                yield Slice("longer", period, f"{kind}.{way}.{minutes}"), slow
        yield Slice("in_time", period, kind), story.in_time(period, kind)
        yield Slice("late", period, kind), story.late(period, kind)
    stays = story.stays(period)
    for state in ("draft", "new", "waiting", "done"):
        yield Slice("left", period, state), {id for id, _ in stays.get(state, [])}
        for minutes in (0, 30, 2000, 20_000):
            slow = {id for id, time in stays.get(state, []) if time // timedelta(minutes=1) > minutes}
            yield Slice("stayed", period, f"{state}.{minutes}"), slow
    moment = min(story.end(period), now)
    for name, _, low, high in AGES:
        most = timedelta(days=high) if high is not None else timedelta.max
        yield (
            Slice("age", period, name),
            story.open(period) & story.ids(lambda c, a=low, b=most: timedelta(days=a) <= moment - c.created < b),  # type: ignore[misc]
        )


def took_longer(clock: Clock, minutes: int, business: bool) -> bool:
    """Whether a clock of working or of all time took more than so many minutes."""
    return clock.business == business and clock.minutes is not None and clock.minutes > minutes


@pytest.mark.parametrize("story", [1, 2], indirect=True)
def test_every_measure_picks_what_a_slow_count_picks(story: Story, periods: list[Period], clerk: Actor) -> None:
    """Over random histories and periods, each measure's list has exactly the tickets of the journal."""
    seen: Counter[str] = Counter()
    for period in periods:
        for wanted, ids in expected(story, period):
            assert found(story.town, clerk, wanted) == ids, wanted
            seen[wanted.measure] += len(ids)
    # A measure of which the histories have nothing would prove nothing.
    about_cases = {name for name, measure in figures.MEASURES.items() if measure.about == "cases"}
    assert {name for name, number in seen.items() if number} >= about_cases - {"repeats", "first_contact"}


def test_groups_add_up_and_have_lists_of_their_own(story: Story, periods: list[Period], clerk: Actor) -> None:
    """By topic, person and kind: each group's number is that of its own list, and together they are all."""
    town = story.town
    for measure in ("came_in", "closed", "open"):
        for by in ("topic", "assignee", "kind", "team", "open_to_all"):
            for period in periods[:4]:
                wanted = Slice(measure, period)
                groups = figures.counted(town, clerk, TICKET, wanted, by)
                assert sum(groups.values()) == len(found(town, clerk, wanted))
                for value, number in groups.items():
                    assert len(found(town, clerk, wanted.of_group(by, value))) == number, (by, value)
    topics = figures.counted(town, clerk, TICKET, Slice("came_in", periods[0]), "topic")
    came = story.moved(periods[0], FRESH, OPEN)
    assert topics == Counter(str(case.topic) for case in story.cases if case.id in came)


def test_a_case_that_comes_in_while_groups_are_counted_is_counted_next_time(
    story: Story, periods: list[Period], clerk: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody saves a case between two statements of a page of figures: the page stands all the same."""
    town, wanted = story.town, Slice("came_in", periods[0])
    before = figures.counted(town, clerk, TICKET, wanted, "topic")
    asked, came = town.database.execute_sql, []

    def interrupted(sql: str, parameters: Any = None) -> Any:
        answer = asked(sql, parameters)
        if sql.startswith("SELECT MAX(t1.id)") and not came:
            came.append(sql)
            story.create()
        return answer

    monkeypatch.setattr(town.database, "execute_sql", interrupted)
    assert figures.counted(town, clerk, TICKET, wanted, "topic") == before
    assert came


def test_flow_and_ages_by_month(story: Story, periods: list[Period], clerk: Actor) -> None:
    """Each month says what came in, was closed and opened again in it, and what was open when it ended."""
    for period in periods:
        months = list(period.months())
        for flow in figures.flow(story.town, clerk, TICKET, months):
            assert flow.came_in == len(story.moved(flow.period, FRESH, OPEN))
            assert flow.closed == len(story.moved(flow.period, OPEN, FINAL))
            assert flow.reopened == len(story.moved(flow.period, FINAL, OPEN))
            assert flow.open == len(story.open(flow.period))
        ages, groups = figures.backlog(story.town, clerk, TICKET, period, "topic")
        assert sum(ages.values()) == sum(groups.values()) == len(story.open(period))
        assert groups == figures.counted(story.town, clerk, TICKET, Slice("open", period), "topic")
        for name, number in ages.items():
            assert number == len(found(story.town, clerk, Slice("age", period, name)))


def test_clocks_by_nearest_rank(story: Story, periods: list[Period], clerk: Actor) -> None:
    """Median, 80 and 90 of 100 of each kind of clock, of working time and of calendar time, by month and by topic."""
    for period in periods:
        months = list(period.months())
        for by in ("", "topic"):
            got = figures.clocks(story.town, clerk, TICKET, months, by=by)
            assert all(kept.measured or kept.late for kept in got.values())
            for place, month in enumerate(months):
                for kind in figures.KINDS:
                    for group in [str(topic) for topic in story.topics] if by else [""]:
                        kept = got.get((place, kind, group), figures.Kept())
                        mine = story.ids(lambda case, group=group: group in ("", str(case.topic)))  # type: ignore[misc]
                        assert kept.in_time == len(story.in_time(month, kind) & mine)
                        assert kept.late == len(story.late(month, kind) & mine)
                        met = [case for case in story.met(month, kind) if case.id in mine]
                        assert kept.measured == len(met)
                        for business, times in ((True, kept.working), (False, kept.calendar)):
                            minutes = [c.clocks[kind].minutes for c in met if c.clocks[kind].business == business]
                            assert times.count == len(minutes)
                            assert times.percentiles == percentiles(minutes)
                            assert times.goal == (600 if minutes else None)


def percentiles(values: Sequence[Any]) -> tuple[Any, ...]:
    """Those that figures tell, the slow way."""
    return tuple(nearest_rank(values, each) for each in figures.PERCENTILES) if values else ()


def test_time_in_each_state(story: Story, periods: list[Period], clerk: Actor) -> None:
    """Stays that ended in the period, from the log: how many, of how many tickets, and how long."""
    for period in periods:
        got = figures.stays(story.town, clerk, TICKET, period)
        wanted = story.stays(period)
        assert set(got) == set(wanted)
        for state, stays in wanted.items():
            assert got[state].cases == {id for id, _ in stays}
            assert got[state].count == len(stays)
            assert got[state].percentiles == percentiles([time // timedelta(minutes=1) for _, time in stays])


@pytest.mark.parametrize("many", [handing.MANY, 1])
def test_passed_on_from_history(
    story: Story, periods: list[Period], clerk: Actor, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    """How often each ticket went from person to person; the first person doesn't count. The same where so much was
    written in the days that it isn't looked through."""
    monkeypatch.setattr(handing, "MANY", many)
    for period in periods:
        assert figures.handed_on(story.town, clerk, TICKET, "assignee", period) == Counter(story.handed(period))
        assert not figures.handed_on(story.town, clerk, TICKET, "queue", period)


def test_a_narrowed_role_counts_what_it_sees_and_nothing_else(story: Story, periods: list[Period]) -> None:
    """Every figure of somebody who sees only the tickets given to them is that of a town with only these."""
    town, me = story.town, STAFF[0]
    story.give_to(me)
    views = {"desk.ticket.view@assigned", "desk.ticket.see_internal", "desk.topic.view", "core.interaction.view"}
    reader = Actor("staff", "Nadia", me, frozenset(views))
    sees = {record.id for record in town.records.find(reader, TICKET, sort="-id", limit=1000, fields=()).records}
    assert 0 < len(sees) < len(story.ids(lambda _: True))
    story.cases = [case for case in story.cases if case.id in sees]
    for period in periods:
        for wanted, ids in expected(story, period):
            assert found(town, reader, wanted) == ids, wanted
        (flow,) = figures.flow(town, reader, TICKET, [period])
        assert (flow.came_in, flow.closed) == tuple(
            len(story.moved(period, *way)) for way in ((FRESH, OPEN), (OPEN, FINAL))
        )
        assert flow.open == len(story.open(period)) == sum(figures.backlog(town, reader, TICKET, period)[0].values())
        wanted = Slice("came_in", period)
        topics = Counter(str(case.topic) for case in story.cases if case.id in story.moved(period, FRESH, OPEN))
        assert figures.counted(town, reader, TICKET, wanted, "topic") == topics
        stays = story.stays(period)
        got = figures.stays(town, reader, TICKET, period)
        assert {state: times.cases for state, times in got.items()} == {
            state: {id for id, _ in times} for state, times in stays.items()
        }
        assert figures.handed_on(town, reader, TICKET, "assignee", period) == Counter(story.handed(period))
        for by in ("", "topic"):
            clocks = figures.clocks(town, reader, TICKET, [period], by=by)
            for kind in figures.KINDS:
                kept = [each for (_, which, _), each in clocks.items() if which == kind]
                assert sum(each.in_time for each in kept) == len(story.in_time(period, kind))
                assert sum(each.late for each in kept) == len(story.late(period, kind))
                minutes = sorted(case.clocks[kind].minutes for case in story.met(period, kind))  # type: ignore[type-var]
                assert (
                    sorted(time for each in kept for time in (*each.working.minutes, *each.calendar.minutes)) == minutes
                )


def test_channels(story: Story, periods: list[Period], clerk: Actor) -> None:
    """Interactions by month and channel, who asked how far it is, and who was answered on the spot."""
    town = story.town
    for period in periods:
        inside = story.within(period)
        talks = [talk for talk in story.talks if inside(talk.at)]
        incoming = [talk for talk in talks if talk.direction == "in"]
        assert found(town, clerk, Slice("talks_in", period), TALK) == {talk.id for talk in incoming}
        assert found(town, clerk, Slice("talks_out", period), TALK) == {t.id for t in talks if t.direction == "out"}
        chases = {talk.id for talk in incoming if talk.outcome == "progress"}
        assert found(town, clerk, Slice("chases", period), TALK) == chases
        answered = {talk.id for talk in incoming if talk.outcome == "answered"}
        assert found(town, clerk, Slice("on_the_spot", period), TALK) == answered
        for month, channels in figures.volume(town, clerk, TALK, Slice("talks_in", period), "channel"):
            within = story.within(month)
            assert channels == Counter(talk.channel for talk in incoming if within(talk.at))


def test_spans_that_begin_together_are_counted_each(story: Story, clerk: Actor) -> None:
    """What is asked of some days and of more days from the same day on, in one question, is told of both."""
    first, today = story.began.date(), story.town.clock.now().date()
    whole, half = Period(first, today), Period(first, first + (today - first) / 2)
    for measure, identity in (("came_in", TICKET), ("closed", TICKET), ("talks_in", TALK)):
        asked = [Slice(measure, each) for each in (whole, half, whole)]
        alone = [figures.count(story.town, clerk, identity, each) for each in asked]
        assert figures.count_each(story.town, clerk, identity, asked) == alone
        assert alone[0] > alone[1] > 0
        by_channel = figures.counted_each(
            story.town, clerk, identity, asked, "channel" if identity == TALK else "topic"
        )
        assert [sum(each.values()) for each in by_channel] == alone


def test_nobody_counts_what_they_may_not_see(story: Story, periods: list[Period]) -> None:
    """Without permission to see tickets there is no figure about them; nobody groups by a confidential field."""
    from townhall.errors import Forbidden
    from townhall.errors import Rejected

    town, wanted = story.town, Slice("came_in", periods[0])
    stranger = Actor("staff", "Olga", 9)
    for ask in (
        lambda: figures.count(town, stranger, TICKET, wanted),
        lambda: figures.flow(town, stranger, TICKET, [periods[0]]),
        lambda: figures.stays(town, stranger, TICKET, periods[0]),
        lambda: figures.clocks(town, stranger, TICKET, [periods[0]]),
        lambda: town.records.count(stranger, TICKET, figure=wanted),
    ):
        with pytest.raises(Forbidden):
            ask()
    with pytest.raises(Rejected, match="confidential"):
        figures.counted(town, Actor("staff", "Erin", 7, frozenset({"*"})), TICKET, wanted, "secret")
    with pytest.raises(Rejected, match="confidential"):
        town.records.count(system(), TICKET, figure=wanted.of_group("secret", "x"))
    only_tickets = Actor("staff", "Tom", 9, frozenset({"desk.ticket.view", "desk.ticket.see_internal"}))
    names = {grouping.name for grouping in figures.groupings(town, only_tickets, town.schemas[TICKET])}
    assert "topic" not in names
    assert "secret" not in names
    assert {"assignee", "kind"} <= names
    # Who came back is told to those who may not see interactions as well, what was settled at the first contact isn't.
    assert found(town, only_tickets, Slice("repeats", periods[0]))
    with pytest.raises(Rejected, match="may see interactions"):
        figures.count(town, only_tickets, TICKET, Slice("first_contact", periods[0]))
    with pytest.raises(Rejected, match="can't be grouped"):
        figures.counted(town, only_tickets, TICKET, wanted, "topic")


@pytest.mark.parametrize(
    "text",
    [
        "nothing",
        "came_in", "came_in~2026-01-40~2026-02-01", "came_in~2026-03-01~2026-02-01", "left~2026-01-01~2026-01-02~gone",
        "longer~2026-01-01~2026-01-02~resolution.working", "longer~2026-01-01~2026-01-02~resolution.90",
        "longer~2026-01-01~2026-01-02~new.90", "stayed~2026-01-01~2026-01-02~new",
        "stayed~2026-01-01~2026-01-02~new.-1", "stayed~2026-01-01~2026-01-02~gone.90",
        "longer~2026-01-01~2026-01-02~resolution.working.99999999999",
        "talks_in~2026-01-01~2026-01-02", "came_in~2026-01-01~2026-01-02~~nowhere~1", "age~2026-01-01~2026-01-02~old",
        "came_in~0001-01-01~9999-12-31",
    ],
)  # fmt: skip
def test_a_slice_that_is_none_is_refused_in_a_sentence(town: Town, clerk: Actor, text: str) -> None:
    """An address that was typed or is out of date says what is wrong."""
    from townhall.errors import Rejected
    from townhall.records.figures.slices import decoded

    with pytest.raises(Rejected) as refused:
        town.records.count(clerk, TICKET, figure=decoded(text))
    assert str(refused.value).endswith(".")


def test_a_slice_comes_back_from_its_text() -> None:
    """What an address says is what was put into it, a tilde in a group's value included."""
    from townhall.records.figures.slices import decoded

    period = Period(date(2026, 1, 1), date(2026, 1, 31))
    for wanted in (
        Slice("open", period),
        Slice("overdue"),
        Slice("left", period, "new"),
        Slice("came_in", period, "", "team", "Roads~Parks"),
        Slice("came_in", period, "", "topic", ""),
    ):
        assert decoded(wanted.encoded()) == wanted


def test_the_docs_define_each_figure_as_the_code_does() -> None:
    """The page of definitions has each measure with its words, and each age, and no other."""
    text = (Path(__file__).parents[2] / "docs" / "explanation" / "figures.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ") and "`" in line]
    assert rows == [f"| {each.label} | `{each.name}` | {each.definition} |" for each in figures.MEASURES.values()]
    assert [label for _, label, *_ in AGES if f"| {label} | from " not in text] == []
