"""How long people wait: for the first response and for the end, against what was promised."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from collections.abc import Iterable
from dataclasses import replace

from townhall.admin.figures import charts
from townhall.admin.figures import groups
from townhall.admin.figures.asking import Asked
from townhall.admin.figures.asking import month_name
from townhall.admin.figures.numbers import HOUR
from townhall.admin.figures.numbers import length
from townhall.admin.figures.numbers import number
from townhall.admin.figures.numbers import share
from townhall.admin.figures.numbers import signed
from townhall.admin.figures.tables import Cell
from townhall.admin.figures.tables import Headline
from townhall.admin.figures.tables import Shown
from townhall.admin.figures.tables import Table
from townhall.records import figures
from townhall.records.figures import Kept
from townhall.records.figures import Period
from townhall.records.figures import Slice
from townhall.records.figures import Times

_WAYS = (("working", "working time", True), ("calendar", "calendar time", False))
_NO_TIMES = (None, None, None)
_EMPTY = "No clock was met in these days. Cases have clocks where targets are set."
Found = dict[tuple[int, str, str], Kept]


def build(asked: Asked) -> Shown:
    """The page."""
    months = list(asked.period.months())
    found = _clocks(asked, months, by=asked.by)
    by_month = _gathered(found, lambda place, kind, value: (place, kind, ""))
    by_group = _gathered(found, lambda place, kind, value: (0, kind, value))
    now = {kind: _joined(by_month.get((place, kind, "")) for place in range(len(months))) for kind in figures.KINDS}
    before = {}
    if asked.before is not None:
        earlier = _clocks(asked, [asked.before])
        before = {kind: earlier.get((0, kind, ""), Kept()) for kind in figures.KINDS}
    return Shown(
        _headlines(asked, now, before),
        [
            _whole(asked, now, before),
            *(_by_month(asked, kind, months, by_month, now[kind]) for kind in figures.KINDS),
            *(_by_group(asked, kind, by_group) for kind in figures.KINDS),
        ],
    )


def _clocks(asked: Asked, periods: list[Period], *, by: str = "") -> Found:
    """The clocks of all types that are asked for."""
    total: Found = {}
    for type_ in asked.types:
        name, field = type_.identity, "" if by == groups.TYPE else by
        found = figures.clocks(asked.desk.town, asked.actor, name, periods, by=field, moves=asked.moves(name))
        for (place, kind, value), kept in found.items():
            key = (place, kind, type_.identity if by == groups.TYPE else value)
            total[key] = _joined([total[key], kept]) if key in total else kept
    return total


def _gathered(found: Found, key: Callable[[int, str, str], tuple[int, str, str]]) -> Found:
    """The clocks of several periods or groups together."""
    parts: dict[tuple[int, str, str], list[Kept]] = defaultdict(list)
    for (place, kind, value), kept in found.items():
        parts[key(place, kind, value)].append(kept)
    return {name: _joined(several) for name, several in parts.items()}


def _joined(parts: Iterable[Kept | None]) -> Kept:
    """All of several, as one."""
    whole = Kept()
    for part in parts:
        if part is None:
            continue
        whole.in_time += part.in_time
        whole.late += part.late
        for times, more in ((whole.working, part.working), (whole.calendar, part.calendar)):
            # Ids of several types may be the same, so a case is counted by its times.
            times.add(more.minutes, more.goals)
    return whole


def _main(kept: Kept) -> tuple[Times, str, bool]:
    """The times that most of the clocks count in: their words, and whether it is working time."""
    business = kept.working.count >= kept.calendar.count
    return (kept.working if business else kept.calendar), _WAYS[0 if business else 1][0], business


def _half(times: Times) -> int | None:
    return times.percentiles[0] if times.count else None


def _headlines(asked: Asked, now: dict[str, Kept], before: dict[str, Kept]) -> list[Headline]:
    made = []
    for kind, label in figures.KINDS.items():
        times, way, business = _main(now[kind])
        half = _half(times)
        link = asked.beyond(Slice("measured", asked.period, f"{kind}.{way}"), times, half)
        said, tone = "", ""
        then = before.get(kind)
        if then is not None and half is not None:
            earlier = _half(then.working if business else then.calendar)
            if earlier is not None:
                said = f"{signed(half, earlier).text}, from {length(earlier, business=business).text}"
                tone = "" if half == earlier else "better" if half < earlier else "worse"
        made.append(Headline(f"{label}, half of them within", length(half, business=business, url=link), said, tone))
        kept = now[kind]
        cell = share(kept.in_time, kept.in_time + kept.late, asked.link(Slice("in_time", asked.period, kind)))
        said, tone = "", ""
        if then is not None and then.share is not None and kept.share is not None:
            said = f"from {share(then.in_time, then.in_time + then.late).text}"
            tone = "" if kept.share == then.share else "better" if kept.share > then.share else "worse"
        made.append(Headline(f"{label}, in time", cell, said, tone))
    return made


def _whole(asked: Asked, now: dict[str, Kept], before: dict[str, Kept]) -> Table:
    rows = []
    for kind, label in figures.KINDS.items():
        for way, words, business in _WAYS:
            times = now[kind].working if business else now[kind].calendar
            then = before.get(kind)
            earlier = (then.working if business else then.calendar) if then is not None else Times()
            if not times.count and not earlier.count:
                continue
            measured = Slice("measured", asked.period, f"{kind}.{way}")
            cells = [Cell(f"{label}, {words}"), number(times.count, asked.link(measured))]
            cells += _lengths(asked, measured, times, (*(times.percentiles or _NO_TIMES), times.goal))
            if then is not None:
                past = Slice("measured", asked.before, f"{kind}.{way}")
                cells += [number(earlier.count, asked.link(past)), signed(times.count, earlier.count)]
                cells += _lengths(asked, past, earlier, [_half(earlier)])
                cells.append(signed(_half(times), _half(earlier)))
            rows.append(tuple(cells))
    compare = ("Cases before", "Change (%)", "Half within before", "Change of it (%)") if before else ()
    return Table(
        name="times",
        title="In short",
        columns=("Time", "Cases", "Half within", "80 of 100 within", "90 of 100 within", "Target", *compare),
        rows=tuple(rows),
        note="Working time counts the hours of the calendar that a target goes by. A time leads to the cases that took"
        " longer; where none did, to all of them. A file has all times in minutes.",
        empty=_EMPTY,
    )


def _lengths(
    asked: Asked, measured: Slice, times: Times, minutes: Iterable[int | None], identity: str = ""
) -> list[Cell]:
    """Cells for some of the times; each leads to the cases that took longer."""
    business = measured.of.endswith(".working")
    return [
        length(each, business=business, url=asked.beyond(measured, times, each, identity=identity)) for each in minutes
    ]


def _row(asked: Asked, label: str, measured: Slice, kept: Kept, group: groups.Group | None = None) -> tuple[Cell, ...]:
    """Cells of a month or of a group: the times of one kind, and how many were in time and late."""
    kind, _, way = measured.of.partition(".")
    times = kept.working if way == "working" else kept.calendar
    wanted, identity = groups.part(asked, measured, group) if group is not None else (measured, "")
    half, _, most = times.percentiles or _NO_TIMES
    decided = [
        number(value, asked.link(replace(wanted, measure=measure, of=kind), identity=identity))
        for measure, value in (("in_time", kept.in_time), ("late", kept.late))
    ]
    return (
        Cell(label),
        number(times.count, asked.link(wanted, identity=identity)),
        *_lengths(asked, wanted, times, [half, most], identity),
        *decided,
        share(kept.in_time, kept.in_time + kept.late, decided[0].url),
    )


def _by_month(asked: Asked, kind: str, months: list[Period], found: Found, whole: Kept) -> Table:
    main, way, business = _main(whole)
    rows, halves = [], []
    for place, month in enumerate(months):
        kept = found.get((place, kind, ""), Kept())
        half = _half(kept.working if business else kept.calendar)
        halves.append(None if half is None else half / HOUR)
        rows.append(_row(asked, month_name(month), Slice("measured", month, f"{kind}.{way}"), kept))
    label = figures.KINDS[kind]
    goal = main.goal / HOUR if main.goal is not None else None
    key = [(charts.key("l1"), "Half within, in hours, solid line")]
    if goal is not None:
        key.append((charts.key("target"), "Target, dashed line"))
    return Table(
        name=f"{kind}_months",
        title=f"{label} month by month",
        columns=("Month", "Cases", "Half within", "90 of 100 within", "In time", "Late", "Share in time (%)"),
        rows=tuple(rows) if whole.measured or whole.late else (),
        note=f"In {_WAYS[0 if business else 1][1]}." if whole.measured else "",
        chart=charts.lines([month_name(month, year=False) for month in months], halves, target=goal),
        chart_label=f"Line chart of {label.lower()} times",
        key=tuple(key),
        empty=_EMPTY,
    )


def _by_group(asked: Asked, kind: str, found: Found) -> Table:
    label, title = groups.label(asked), figures.KINDS[kind]
    mine = {value: kept for (_, which, value), kept in found.items() if which == kind}
    order = sorted(mine, key=lambda value: (-mine[value].measured, -mine[value].late, value))
    rows, drawn = [], []
    for group in groups.named(asked, order[: groups.MOST]):
        kept = mine[group.value]
        times, way, business = _main(kept)
        half = _half(times)
        rows.append(_row(asked, group.label, Slice("measured", asked.period, f"{kind}.{way}"), kept, group))
        if half is not None:
            drawn.append((group.label, half / HOUR, None, length(half, business=business).text))
    return Table(
        name=f"{kind}_groups",
        title=f"{title} by {groups.words(label)}",
        columns=(label, "Cases", "Half within", "90 of 100 within", "In time", "Late", "Share in time (%)"),
        rows=tuple(rows),
        chart=charts.bars(drawn[: charts.MOST_BARS]),
        chart_label=f"Bar chart of {title.lower()} times in hours",
        key=((charts.key("s1"), "Half within, in hours"),),
        empty=_EMPTY,
    )
