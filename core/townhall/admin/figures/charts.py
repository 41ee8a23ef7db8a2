"""Charts as inline SVG, drawn here and without a script. A table beside each says the same, so readers skip the chart.

Series differ by more than their colour: bars by their height, lines by their dots and dashes, stacked parts by stripes.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from math import log10

from markupsafe import Markup
from markupsafe import escape

WIDTH = 640
#: Longest name beside a bar, in letters.
_LONGEST = 22
#: Most bars, or parts of a stack, before a chart says less than its table.
MOST_BARS, MOST_PARTS = 12, 4
_PARTS = ("s1", "hatched", "s3", "s4")
_HATCH = (
    '<defs><pattern id="{id}" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect class="s2" width="8" height="8"/><line class="hatch" x1="0" x2="0" y1="0" y2="8"/></pattern></defs>'
)


def key(mark: str) -> Markup:
    """The small picture of a series for the key above a chart."""
    if mark in ("l1", "l2", "target"):
        shape = f'<path class="{mark}" d="M1 7h22"/>'
    elif mark == "thin":
        shape = '<rect class="s3" y="3" width="24" height="8" rx="2"/>'
    elif mark == "hatched":
        shape = _HATCH.format(id="key-hatch") + '<rect fill="url(#key-hatch)" width="24" height="14" rx="2"/>'
    else:
        shape = f'<rect class="{mark}" width="24" height="14" rx="2"/>'
    return Markup(f'<svg viewBox="0 0 24 14" class="chart" aria-hidden="true">{shape}</svg>')  # noqa: S704


def bars(rows: Sequence[tuple[str, float, float | None, str]]) -> Markup:
    """Bars that lie: a name, a number, perhaps the number of before as a thinner bar, and the number in words."""
    if not rows or not any(now or before for _, now, before, _ in rows):
        return Markup("")
    ticks = _ticks(max(max(now, before or 0) for _, now, before, _ in rows))
    left, right, step = 205, 590, 52 if any(before is not None for _, _, before, _ in rows) else 36
    bottom = 8 + step * len(rows)

    def x(value: float) -> float:
        return round(left + (right - left) * value / ticks[-1], 1)

    parts = []
    for tick in ticks:
        parts.append(f'<line class="grid" x1="{x(tick)}" x2="{x(tick)}" y1="8" y2="{bottom}"/>')
        parts.append(f'<text x="{x(tick)}" y="{bottom + 22}" text-anchor="middle">{_short(tick)}</text>')
    for place, (name, now, before, words) in enumerate(rows):
        top = 14 + step * place
        parts.append(
            f'<text class="strong" x="{left - 10}" y="{top + 15}" text-anchor="end">{escape(_cut(name))}</text>'
        )
        parts.append(f'<rect class="s1" x="{left}" y="{top}" width="{x(now) - left:.1f}" height="20" rx="2"/>')
        parts.append(f'<text class="strong" x="{x(now) + 6}" y="{top + 15}">{escape(words)}</text>')
        if before is not None:
            parts.append(
                f'<rect class="s3" x="{left}" y="{top + 22}" width="{x(before) - left:.1f}" height="12" rx="2"/>'
            )
    parts.append(f'<line class="axis" x1="{left}" x2="{left}" y1="8" y2="{bottom}"/>')
    return _svg(bottom + 32, parts)


def lines(
    names: Sequence[str],
    solid: Sequence[float | None],
    dotted: Sequence[float | None] = (),
    *,
    target: float | None = None,
    words: tuple[str, str] = ("", ""),
) -> Markup:
    """A solid line with dots, perhaps a dotted one, and a dashed one for a target; gaps where there is no number."""
    values = [value for value in (*solid, *dotted, target) if value is not None]
    if len(names) < 2 or not any(values):
        return Markup("")
    ticks = _ticks(max(values))
    left, right, top, bottom = 60, 560, 18, 250

    def x(place: int) -> float:
        return round(left + 16 + (right - left - 32) * place / (len(names) - 1), 1)

    def y(value: float) -> float:
        return round(bottom - (bottom - top) * value / ticks[-1], 1)

    parts = []
    for tick in ticks:
        parts.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y(tick)}" y2="{y(tick)}"/>')
        parts.append(f'<text x="{left - 8}" y="{y(tick) + 4}" text-anchor="end">{_short(tick)}</text>')
    if target is not None:
        parts.append(f'<line class="target" x1="{left}" x2="{right}" y1="{y(target)}" y2="{y(target)}"/>')
    every = ceil(len(names) / 9)
    parts += [
        f'<text x="{x(place)}" y="280" text-anchor="middle">{escape(_cut(name))}</text>'
        for place, name in enumerate(names)
        if place % every == 0
    ]
    for css, series, word in (("l2", dotted, words[1]), ("l1", solid, words[0])):
        points = [(x(place), y(value)) for place, value in enumerate(series) if value is not None]
        if points:
            joined = " ".join(f"{across},{down}" for across, down in points)
            parts.append(f'<polyline class="{css}" points="{joined}"/>')
            strong = ' class="strong"' if css == "l1" else ""
            parts.append(f'<text{strong} x="{points[-1][0] + 12}" y="{points[-1][1] + 5}">{escape(word)}</text>')
        if css == "l1":
            parts += [f'<circle class="dot" cx="{across}" cy="{down}" r="5"/>' for across, down in points]
    return _svg(300, parts)


def stacks(names: Sequence[str], series: Sequence[Sequence[int]], *, id: str) -> Markup:
    """Bars that stand, each of up to four parts, the first at the bottom. ``id`` is the page's own for the stripes."""
    totals = [sum(parts) for parts in zip(*series, strict=True)]
    if not any(totals):
        return Markup("")
    ticks = _ticks(max(totals))
    left, right, top, bottom = 52, 630, 22, 262
    step = (right - left) / len(names)
    wide = min(54.0, step * 0.6)

    def high(value: float) -> float:
        return (bottom - top) * value / ticks[-1]

    parts = [_HATCH.format(id=id)]
    for tick in ticks:
        level = round(bottom - high(tick), 1)
        parts.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{level}" y2="{level}"/>')
        parts.append(f'<text x="{left - 8}" y="{level + 4}" text-anchor="end">{_short(tick)}</text>')
    every = ceil(len(names) / 12)
    for place, name in enumerate(names):
        at, level = left + step * place + (step - wide) / 2, float(bottom)
        for look, part in zip(_PARTS, series, strict=False):
            tall = high(part[place])
            level -= tall
            fill = f'fill="url(#{id})"' if look == "hatched" else f'class="{look}"'
            if tall:
                size = f'width="{wide:.1f}" height="{max(tall - 1.5, 0.5):.1f}"'
                parts.append(f'<rect {fill} x="{at:.1f}" y="{level:.1f}" {size}/>')
        middle = f"{at + wide / 2:.1f}"
        parts.append(
            f'<text class="strong" x="{middle}" y="{level - 7:.1f}" text-anchor="middle">{totals[place]:,}</text>'
        )
        if place % every == 0:
            parts.append(f'<text x="{middle}" y="284" text-anchor="middle">{escape(_cut(name))}</text>')
    parts.append(f'<line class="axis" x1="{left}" x2="{right}" y1="{bottom}" y2="{bottom}"/>')
    return _svg(300, parts)


def _svg(height: int, parts: Sequence[str]) -> Markup:
    inner = "".join(parts)
    # Names were escaped one by one; all else is numbers.
    return Markup(f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" aria-hidden="true">{inner}</svg>')  # noqa: S704


def _ticks(most: float) -> list[float]:
    """Round numbers from nought to at least ``most``, about five."""
    rough = most / 5 or 1
    size = 10 ** int(log10(rough) // 1)
    step = next(size * times for times in (1, 2, 5, 10) if size * times >= rough)
    if most >= 1:
        step = max(step, 1) if most >= 4 else step
    count = max(ceil(round(most / step, 6)), 1)
    return [round(step * place, 6) for place in range(count + 1)]


def _short(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1].rstrip()}…"
