"""The fixed words of figures: ages, kinds of clock, ways to pass a case on, and how many days something lasts."""

from __future__ import annotations

from collections.abc import Mapping

from townhall.db.history_indexes import PASSED_ON

#: Days within which the same person with the same category has come back.
REPEAT_DAYS = 30
#: Days without a change after which an open case is dormant.
DORMANT_DAYS = 14
#: Ages of open cases: name, words, and the days that it begins and ends with.
AGES: tuple[tuple[str, str, int, int | None], ...] = (
    ("week", "Up to 1 week", 0, 7),
    ("fortnight", "1 to 2 weeks", 7, 14),
    ("month", "2 to 4 weeks", 14, 28),
    ("quarter", "4 to 13 weeks", 28, 91),
    ("longer", "Longer than 13 weeks", 91, None),
)
#: Kinds of clock that there are figures about, with their words.
KINDS: Mapping[str, str] = {"first_response": "First response", "resolution": "Resolution"}
#: How a clock counts: a slice may ask for those of one way, ``resolution.working``.
WAYS: Mapping[str, bool] = {"working": True, "calendar": False}
#: Standard fields by which a case is passed on.
HANDED: Mapping[str, str] = dict(zip(PASSED_ON, ("From person to person", "From queue to queue"), strict=True))
INTERACTION = "core.interaction"
#: Figures about interactions: their direction, and their outcome where one is asked for.
TALKS: Mapping[str, tuple[str, str]] = {
    "talks_in": ("in", ""),
    "talks_out": ("out", ""),
    "chases": ("in", "progress"),
    "on_the_spot": ("in", "answered"),
}
#: By what interactions are told apart, in the order of their index.
CHANNEL = "channel"
TOLD_APART = ("direction", CHANNEL, "outcome")
#: The indexes of interactions that figures ask, by their fields.
TALKS_INDEX, ABOUT_INDEX = (*TOLD_APART, "at", "about"), ("direction", "about")
CASE_MOVES = "case_transition"
#: The index of the log that has the moves of one way side by side, by what follows the table in its name.
WAYS_INDEX = "identity_source_target_at_record_id"
