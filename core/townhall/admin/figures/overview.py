"""How much comes in, is closed and is left: in short, month by month, by group, and how old what is open is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta

from townhall.admin.figures import charts
from townhall.admin.figures import groups
from townhall.admin.figures.asking import Asked
from townhall.admin.figures.asking import month_name
from townhall.admin.figures.asking import words
from townhall.admin.figures.numbers import number
from townhall.admin.figures.numbers import signed
from townhall.admin.figures.tables import NO_CHART
from townhall.admin.figures.tables import Cell
from townhall.admin.figures.tables import Headline
from townhall.admin.figures.tables import Shown
from townhall.admin.figures.tables import Table
from townhall.records import figures
from townhall.records.figures import AGES
from townhall.records.figures import Flow
from townhall.records.figures import Period
from townhall.records.figures import Slice


def build(asked: Asked) -> Shown:
    """The page."""
    months, before = _months(asked)
    # Whoever came in twice, in two months, counts once in all of them.
    whole = {each: asked.count(Slice(each, asked.period)) for each in ("came_in", "closed", "reopened")}
    now = Flow(asked.period, **whole, open=months[-1].open)
    ages, left = _backlog(asked)
    return Shown(_headlines(asked, now, before), [_by_month(asked, months), _by_group(asked, left), _ages(asked, ages)])


def _backlog(asked: Asked) -> tuple[Counter[str], Counter[str]]:
    """How many cases were open at the end, by age and by group, over all types that are asked for."""
    ages: Counter[str] = Counter()
    left: Counter[str] = Counter()
    for type_ in asked.types:
        by = "" if asked.by == groups.TYPE else asked.by
        name, moves = type_.identity, asked.moves(type_.identity)
        aged, grouped = figures.backlog(asked.desk.town, asked.actor, name, asked.period, by, moves)
        ages.update(aged)
        left.update({type_.identity: sum(grouped.values())} if asked.by == groups.TYPE else grouped)
    return ages, left


def _flows(asked: Asked, periods: list[Period]) -> list[Flow]:
    """The flow of all types that are asked for, one after the other period."""
    flows = [Flow(period) for period in periods]
    for type_ in asked.types:
        name, moves = type_.identity, asked.moves(type_.identity)
        found = figures.flow(asked.desk.town, asked.actor, name, periods, moves)
        flows = [
            Flow(
                one.period,
                one.came_in + other.came_in,
                one.closed + other.closed,
                one.reopened + other.reopened,
                one.open + other.open,
            )
            for one, other in zip(flows, found, strict=True)
        ]
    return flows


def _months(asked: Asked) -> tuple[list[Flow], Flow | None]:
    """The flow of each month, and of the period that it is all held against."""
    months, before, period = list(asked.period.months()), asked.before, asked.period
    if before is None or before.last >= period.first:
        return _flows(asked, months), _flows(asked, [before])[0] if before is not None else None
    gap = period.first - timedelta(days=1)
    between = [Period(before.last + timedelta(days=1), gap)] if before.last < gap else []
    flows = _flows(asked, [before, *between, *months])
    return flows[-len(months) :], flows[0]


def _headlines(asked: Asked, now: Flow, before: Flow | None) -> list[Headline]:
    made = []
    for measure, tone in (("came_in", ""), ("closed", "more"), ("open", "less"), ("reopened", "less")):
        value = getattr(now, measure)
        cell = number(value, asked.link(Slice(measure, asked.period)))
        earlier = getattr(before, measure) if before is not None else None
        made.append(Headline(figures.MEASURES[measure].label, cell, *compared(value, earlier, tone)))
    overdue = asked.count(Slice("overdue"))
    made.append(Headline("Overdue now", number(overdue, asked.link(Slice("overdue")))))
    return made


def compared(value: int, before: int | None, tone: str) -> tuple[str, str]:
    """What to say of how a figure changed, and whether that is good: ``tone`` is which way is, ``more`` or ``less``."""
    if before is None:
        return "", ""
    text = signed(value, before).text
    if value == before:
        return f"as many as before, {before:,}", ""
    said = f"{text}, from {before:,}" if before else "from 0"
    if not tone:
        return said, ""
    return said, "better" if (value > before) == (tone == "more") else "worse"


def _by_month(asked: Asked, flows: list[Flow]) -> Table:
    rows = [
        (
            Cell(month_name(flow.period)),
            *(number(getattr(flow, each), asked.link(Slice(each, flow.period))) for each in _MEASURES),
        )
        for flow in flows
    ]
    several = len(flows) > 1
    names = [month_name(flow.period, year=False) for flow in flows]
    chart = charts.lines(names, [flow.came_in for flow in flows], [flow.closed for flow in flows], words=("In", "Out"))
    return Table(
        name="months",
        title="Month by month",
        columns=("Month", *(figures.MEASURES[each].label for each in _MEASURES)),
        rows=tuple(rows),
        chart=chart if several else NO_CHART,
        chart_label="Line chart of what came in and was closed",
        key=((charts.key("l1"), "Came in, solid line"), (charts.key("l2"), "Closed, dotted line")),
    )


_MEASURES = ("came_in", "closed", "reopened", "open")


def _by_group(asked: Asked, left: Mapping[str, int]) -> Table:
    label = groups.label(asked)
    came = Slice("came_in", asked.period)
    closed, open_ = Slice("closed", asked.period), Slice("open", asked.period)
    if not asked.by or not asked.types:
        return Table("groups", "By group", ("Group",), ())
    before_slice = Slice("came_in", asked.before) if asked.before is not None else None
    slices = (came, closed, *((before_slice,) if before_slice is not None else ()))
    now, done, *beside = groups.counted(asked, slices)
    before = beside[0] if beside else {}
    values = sorted({*now, *before, *done, *left}, key=lambda value: (-now.get(value, 0), -left.get(value, 0), value))
    shown = groups.named(asked, values[: groups.MOST])
    rows = []
    for group in shown:
        cells = [Cell(group.label), number(now.get(group.value, 0), groups.link(asked, came, group))]
        if before_slice is not None:
            then = before.get(group.value, 0)
            cells += [number(then, groups.link(asked, before_slice, group)), signed(now.get(group.value, 0), then)]
        cells.append(number(done.get(group.value, 0), groups.link(asked, closed, group)))
        cells.append(number(left.get(group.value, 0), groups.link(asked, open_, group)))
        rows.append(tuple(cells))
    drawn = [
        (
            group.label,
            now.get(group.value, 0),
            before.get(group.value, 0) if before_slice else None,
            f"{now.get(group.value, 0):,}",
        )
        for group in shown[: charts.MOST_BARS]
    ]
    compare = ("Before", "Change (%)") if before_slice is not None else ()
    return Table(
        name="groups",
        title=f"By {groups.words(label)}",
        columns=(label, "Came in", *compare, "Closed", "Open at the end"),
        rows=tuple(rows),
        note=f"The {groups.MOST} largest of {len(values):,} groups." if len(values) > groups.MOST else "",
        chart=charts.bars(drawn),
        chart_label=f"Bar chart of what came in, by {groups.words(label)}",
        key=(
            (charts.key("s1"), f"{words(asked.period)}, thick bar"),
            *(((charts.key("thin"), f"{words(asked.before)}, thin bar"),) if asked.before is not None else ()),
        ),
    )


def _ages(asked: Asked, total: Mapping[str, int]) -> Table:
    rows = tuple(
        (Cell(label), number(total[name], asked.link(Slice("age", asked.period, name)))) for name, label, *_ in AGES
    )
    return Table(
        name="ages",
        title="How old what is open is",
        columns=("Age", "Open"),
        rows=rows,
        chart=charts.bars([(label, total[name], None, f"{total[name]:,}") for name, label, *_ in AGES]),
        chart_label="Bar chart of ages",
    )
