"""Numbers as people read them: counts, shares, lengths of time, and how much something changed."""

from __future__ import annotations

from townhall.admin.figures.tables import Cell

#: A space at which no line breaks.
_SPACE = "\u00a0"
MINUS = "\u2212"
NONE = "\u2013"
HOUR, DAY = 60, 24 * 60


def number(value: int, url: str = "") -> Cell:
    """A count; a nought leads nowhere."""
    return Cell(f"{value:,}", str(value), url if value else "")


def change(now: float, before: float) -> int | None:
    """By how many percent something grew (negative: shrank); ``None`` where there was nothing before."""
    return round((now - before) * 100 / before) if before else None


def signed(now: float | None, before: float | None) -> Cell:
    """``+50 %``, ``−50 %``, ``no change``; a dash where there was nothing to compare with."""
    if now is None or before is None:
        return Cell(NONE, "")
    percent = change(now, before)
    if percent is None:
        return Cell("new" if now else "no change", "")
    if percent == 0:
        return Cell("no change", "0")
    return Cell(f"{'+' if percent > 0 else MINUS}{abs(percent):,}{_SPACE}%", str(percent))


def share(part: int, whole: int, url: str = "") -> Cell:
    """``88 %``; a dash where there is nothing that it would be a share of."""
    if not whole:
        return Cell(NONE, "")
    percent = part * 100 / whole
    text = f"{percent:.1f}{_SPACE}%" if 0 < round(percent, 1) < 10 else f"{percent:.0f}{_SPACE}%"
    return Cell(text, f"{percent:.1f}", url if part else "")


def length(minutes: int | None, *, business: bool = False, url: str = "") -> Cell:
    """``45 min``, ``5.2 h``, ``4.1 days``. Working time is told in hours: calendars differ in how many make a day."""
    if minutes is None:
        return Cell(NONE, "")
    if minutes < HOUR:
        text = f"{minutes}{_SPACE}min"
    elif business or minutes < 2 * DAY:
        text = f"{minutes / HOUR:.1f}{_SPACE}h"
    else:
        text = f"{minutes / DAY:.1f}{_SPACE}days"
    return Cell(text, str(minutes), url)


def ratio(one: int, other: int) -> Cell:
    """``3.1 : 1``."""
    return Cell(f"{one / other:.1f} : 1", f"{one / other:.2f}") if other else Cell(NONE, "")
