"""Where cases stand and go: the time in each state, what was opened again, and what was passed on."""

from __future__ import annotations

from townhall.admin.figures import charts
from townhall.admin.figures.asking import Asked
from townhall.admin.figures.numbers import DAY
from townhall.admin.figures.numbers import length
from townhall.admin.figures.numbers import number
from townhall.admin.figures.numbers import share
from townhall.admin.figures.numbers import signed
from townhall.admin.figures.tables import Cell
from townhall.admin.figures.tables import Headline
from townhall.admin.figures.tables import Shown
from townhall.admin.figures.tables import Table
from townhall.records import figures
from townhall.records.figures import HANDED
from townhall.records.figures import Period
from townhall.records.figures import Slice


def build(asked: Asked) -> Shown:
    """The page."""
    again, passed = _again(asked), _passed(asked)
    closed = asked.count(Slice("closed", asked.period))
    back = asked.count(Slice("back_again", asked.period))
    dormant = asked.count(Slice("dormant"))
    return Shown(
        [
            Headline("Closed", number(closed, asked.link(Slice("closed", asked.period)))),
            Headline("Opened again, of these", share(back, closed, asked.link(Slice("back_again", asked.period)))),
            Headline(f"No change for {figures.DORMANT_DAYS} days, now", number(dormant, asked.link(Slice("dormant")))),
        ],
        [_states(asked), again, passed],
    )


def _states(asked: Asked) -> Table:
    rows, drawn = [], []
    for type_ in asked.types:
        found = figures.stays(asked.desk.town, asked.actor, type_.identity, asked.period, asked.moves(type_.identity))
        states = type_.workflow.states if type_.workflow is not None else {}
        for name, state in states.items():
            if name not in found:
                continue
            times = found[name]
            left = Slice("left", asked.period, name)
            link = asked.link(left, type_)
            label = state.label if asked.one is not None else f"{type_.label}: {state.label}"
            lengths = [length(each, url=asked.beyond(left, times, each, type_)) for each in times.percentiles]
            rows.append(
                (Cell(label), number(len(times.cases), link), Cell(f"{times.count:,}", str(times.count)), *lengths)
            )
            if not state.final:
                drawn.append((label, times.percentiles[0] / DAY, None, lengths[0].text))
    return Table(
        name="states",
        title="Time in each state",
        columns=("State", "Cases that left it", "Times", "Half within", "80 of 100 within", "90 of 100 within"),
        rows=tuple(rows),
        note="By the calendar, from the moment at which a case came into the state until it moved on. A time leads to"
        " the cases that stayed longer; where none did, to all that left it.",
        chart=charts.bars(drawn[: charts.MOST_BARS]),
        chart_label="Bar chart of the time in each state, in days",
        key=((charts.key("s1"), "Half within, in days"),),
        empty="No case moved in these days.",
    )


def _again(asked: Asked) -> Table:
    rows = []
    for measure, of in (("back_again", "closed"), ("reopened", "")):
        now = asked.count(Slice(measure, asked.period))
        cells = [Cell(figures.MEASURES[measure].label), number(now, asked.link(Slice(measure, asked.period)))]
        cells.append(share(now, asked.count(Slice(of, asked.period)), cells[1].url) if of else Cell("", ""))
        if asked.before is not None:
            wanted = Slice(measure, asked.before)
            then = asked.count(wanted)
            cells += [number(then, asked.link(wanted)), signed(now, then)]
        rows.append(tuple(cells))
    compare = ("Before", "Change (%)") if asked.before is not None else ()
    return Table(
        name="again",
        title="Opened again",
        columns=("What", "Cases", "Of those closed (%)", *compare),
        rows=tuple(rows),
    )


def _passed(asked: Asked) -> Table:
    rows = []
    for field, label in HANDED.items():
        cases, times = _handed(asked, field, asked.period)
        cells = [Cell(label), number(cases, asked.link(Slice("handed_on", asked.period, field)))]
        cells.append(Cell(f"{times:,}", str(times)))
        if asked.before is not None:
            then, _ = _handed(asked, field, asked.before)
            cells += [number(then, asked.link(Slice("handed_on", asked.before, field))), signed(cases, then)]
        rows.append(tuple(cells))
    compare = ("Cases before", "Change (%)") if asked.before is not None else ()
    return Table(
        name="passed",
        title="Passed on",
        columns=("How", "Cases", "Times", *compare),
        rows=tuple(rows),
        note="From the history of the cases. Whom a case went to first doesn't count.",
    )


def _handed(asked: Asked, field: str, period: Period) -> tuple[int, int]:
    town, names = asked.desk.town, [type_.identity for type_ in asked.types]
    found = [figures.handed_on(town, asked.actor, name, field, period, asked.moves(name)) for name in names]
    return sum(len(each) for each in found), sum(each.total() for each in found)
