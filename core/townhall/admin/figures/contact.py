"""How people reach the town and whether they have to come back: channels, chasing, and what was settled at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from townhall.admin.figures import charts
from townhall.admin.figures.asking import INTERACTION
from townhall.admin.figures.asking import Asked
from townhall.admin.figures.asking import month_name
from townhall.admin.figures.numbers import number
from townhall.admin.figures.numbers import ratio
from townhall.admin.figures.numbers import share
from townhall.admin.figures.numbers import signed
from townhall.admin.figures.overview import compared
from townhall.admin.figures.tables import Cell
from townhall.admin.figures.tables import Headline
from townhall.admin.figures.tables import Shown
from townhall.admin.figures.tables import Table
from townhall.records import figures
from townhall.records.figures import Period
from townhall.records.figures import Slice

CHANNEL = "channel"
_MARKS = ("s1", "hatched", "s3", "s4")
_WHERE = ("lowest", "striped", "third", "top")


def build(asked: Asked) -> Shown:
    """The page."""
    records = asked.desk.town.records
    may_talk = records.may(asked.actor, "view", INTERACTION)
    may_talk = may_talk and records.may_ask(asked.actor, INTERACTION, CHANNEL, "direction", "at")
    rates = [("repeats", "with_contact", "less")]
    if may_talk:  # how often somebody was in touch about a case is told by interactions
        rates.insert(0, ("first_contact", "closed", "more"))
    periods = [period for period in (asked.period, asked.before) if period is not None]
    asked.count_all(Slice(measure, period) for *measures, _ in rates for measure in measures for period in periods)
    tables = [_back(asked, rates)]
    headlines = [_rate(asked, *rate) for rate in rates]
    if may_talk:
        months, total = _months(asked)
        tables = [months, *(_ways(asked, measure) for measure in ("talks_in", "talks_out")), _talks(asked), *tables]
        mail = Cell(f"{ratio(total['email'], total['letter']).text}")
        headlines = [
            _count(asked, "talks_in"),
            _count(asked, "talks_out"),
            Headline("E-mails to letters", mail),
            *headlines,
        ]
    return Shown(headlines, [*tables, *_cases(asked)])


# -- interactions ---------------------------------------------------------------------------------------------------


def _talk_count(asked: Asked, measure: str, period: Period) -> int:
    return figures.count(asked.desk.town, asked.actor, INTERACTION, Slice(measure, period), asked.moves(INTERACTION))


def _link(asked: Asked, wanted: Slice) -> str:
    return asked.link(wanted, identity=INTERACTION)


def _count(asked: Asked, measure: str) -> Headline:
    now = _talk_count(asked, measure, asked.period)
    said = ""
    if asked.before is not None:
        then = _talk_count(asked, measure, asked.before)
        said, _ = compared(now, then, "")
    return Headline(figures.MEASURES[measure].label, number(now, _link(asked, Slice(measure, asked.period))), said)


def _months(asked: Asked) -> tuple[Table, Counter[str]]:
    """What came in by month and channel, with the ratio of e-mails to letters; and the sums of all months."""
    came, moves = Slice("talks_in", asked.period), asked.moves(INTERACTION)
    volume = figures.volume(asked.desk.town, asked.actor, INTERACTION, came, CHANNEL, moves)
    total: Counter[str] = Counter()
    for _, counts in volume:
        total.update(counts)
    order = [value for value, _ in total.most_common()]
    labels = figures.labels(asked.desk.town, asked.actor, INTERACTION, CHANNEL, order)
    rows = []
    for month, counts in volume:
        cells = [Cell(month_name(month))]
        for value in order:
            wanted = Slice("talks_in", month, by=CHANNEL, value=value)
            cells.append(number(counts.get(value, 0), _link(asked, wanted)))
        cells.append(number(sum(counts.values()), _link(asked, Slice("talks_in", month))))
        cells.append(ratio(counts.get("email", 0), counts.get("letter", 0)))
        rows.append(tuple(cells))
    drawn = order[: charts.MOST_PARTS]
    series = [[counts.get(value, 0) for _, counts in volume] for value in drawn]
    names = [month_name(month, year=False) for month, _ in volume]
    table = Table(
        name="channels",
        title="How people reach us",
        columns=("Month", *(labels[value] for value in order), "All", "E-mails to letters"),
        rows=tuple(rows) if order else (),
        chart=charts.stacks(names, series, id="stripes") if order else charts.bars([]),
        chart_label="Bars of the most used channels, one on the other",
        key=tuple(
            (charts.key(mark), f"{labels[value]}, {where}")
            for value, mark, where in zip(drawn, _MARKS, _WHERE, strict=False)
        ),
        empty="Nobody contacted us in these days, or nobody wrote it down.",
    )
    return table, total


def _ways(asked: Asked, measure: str) -> Table:
    """One direction by channel, next to the period before."""
    town, actor = asked.desk.town, asked.actor
    moves = asked.moves(INTERACTION)
    now = figures.counted(town, actor, INTERACTION, Slice(measure, asked.period), CHANNEL, moves)
    before = (
        figures.counted(town, actor, INTERACTION, Slice(measure, asked.before), CHANNEL, moves)
        if asked.before is not None
        else {}
    )
    order = sorted({*now, *before}, key=lambda value: (-now.get(value, 0), value))
    labels = figures.labels(town, actor, INTERACTION, CHANNEL, order)
    rows = []
    for value in order:
        here, there = now.get(value, 0), before.get(value, 0)
        cells = [Cell(labels[value]), number(here, _link(asked, Slice(measure, asked.period, by=CHANNEL, value=value)))]
        if asked.before is not None:
            past = _link(asked, Slice(measure, asked.before, by=CHANNEL, value=value))
            cells += [number(there, past), signed(here, there)]
        rows.append(tuple(cells))
    label = figures.MEASURES[measure].label
    compare = ("Before", "Change (%)") if asked.before is not None else ()
    return Table(
        name=measure,
        title=f"{label}, by channel",
        columns=("Channel", label, *compare),
        rows=tuple(rows),
    )


def _talks(asked: Asked) -> Table:
    """Who asked how far it is, and who was answered at once."""
    rows = []
    whole = _talk_count(asked, "talks_in", asked.period)
    for measure in ("chases", "on_the_spot"):
        now = _talk_count(asked, measure, asked.period)
        cells = [Cell(figures.MEASURES[measure].label), number(now, _link(asked, Slice(measure, asked.period)))]
        cells.append(share(now, whole, cells[1].url))
        if asked.before is not None:
            then = _talk_count(asked, measure, asked.before)
            cells += [number(then, _link(asked, Slice(measure, asked.before)))]
            cells += [share(then, _talk_count(asked, "talks_in", asked.before), cells[-1].url), signed(now, then)]
        rows.append(tuple(cells))
    compare = ("Before", "Share before (%)", "Change (%)") if asked.before is not None else ()
    return Table(
        name="talks",
        title="What people wanted",
        columns=("What", "Interactions", "Of all that came in (%)", *compare),
        rows=tuple(rows),
    )


# -- cases ----------------------------------------------------------------------------------------------------------


def _rate(asked: Asked, measure: str, of: str, tone: str) -> Headline:
    now = share(
        asked.count(Slice(measure, asked.period)),
        asked.count(Slice(of, asked.period)),
        asked.link(Slice(measure, asked.period)),
    )
    said, good = "", ""
    if asked.before is not None:
        then = share(asked.count(Slice(measure, asked.before)), asked.count(Slice(of, asked.before)))
        if then.value and now.value:
            said = f"from {then.text}"
            better = (float(now.value) > float(then.value)) == (tone == "more")
            good = "" if now.value == then.value else "better" if better else "worse"
    return Headline(figures.MEASURES[measure].label, now, said, good)


def _back(asked: Asked, rates: Sequence[tuple[str, str, str]]) -> Table:
    rows = []
    for measure, of, _ in rates:
        cells = [Cell(figures.MEASURES[measure].label)]
        numbers = []
        for period in (asked.period, *((asked.before,) if asked.before is not None else ())):
            part, whole = asked.count(Slice(measure, period)), asked.count(Slice(of, period))
            cells.append(number(part, asked.link(Slice(measure, period))))
            cells.append(number(whole, asked.link(Slice(of, period))))
            cells.append(share(part, whole, cells[-2].url))
            numbers.append(part)
        if asked.before is not None:
            cells.append(signed(*numbers))
        rows.append(tuple(cells))
    compare = ("Before", "Of before", "Share before (%)", "Change (%)") if asked.before is not None else ()
    return Table(
        name="back",
        title="Once, or again and again",
        columns=("What", "Cases", "Of", "Share (%)", *compare),
        rows=tuple(rows),
        note="Came back: of the cases that say whose they are. Settled at once: of those that were closed.",
    )


def _cases(asked: Asked) -> list[Table]:
    """New cases by the way they came, where the type asks for it."""
    type_ = asked.one
    town, actor = asked.desk.town, asked.actor
    if type_ is None or CHANNEL not in {each.name for each in figures.groupings(town, actor, type_)}:
        return []
    came, moves = Slice("came_in", asked.period), asked.moves(type_.identity)
    (counts,) = figures.counted_each(town, actor, type_.identity, [came], CHANNEL, moves)
    labels = figures.labels(town, actor, type_.identity, CHANNEL, counts)
    rows = tuple(
        (Cell(labels[value]), number(many, asked.link(Slice("came_in", asked.period, by=CHANNEL, value=value))))
        for value, many in counts.items()
    )
    drawn = [(labels[value], many, None, f"{many:,}") for value, many in counts.items()]
    return [
        Table(
            name="case_channels",
            title=f"{type_.label_plural} by the way they came",
            columns=("Channel", "Came in"),
            rows=rows,
            chart=charts.bars(drawn[: charts.MOST_BARS]),
            chart_label="Bar chart of channels",
        )
    ]
