"""What a conformance check found, for people and for programs."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
from typing import Literal

Verdict = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One check: what it is about, how it ended, and a sentence for each thing that is wrong or why it was skipped.

    ``remarks`` are sentences about what it could not look at; nothing fails for them.
    """

    name: str
    label: str
    verdict: Verdict
    sentences: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


class Remark(str):
    """What a check yields that nothing fails for: what it could not look at."""

    __slots__ = ()


class Skipped(Exception):
    """A check has nothing to look at; the message says why."""


@dataclass
class Report:
    """All checks of one plugin, in the order in which they were made."""

    plugin: str = ""
    title: str = ""
    version: str = ""
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return all(outcome.verdict != "failed" for outcome in self.outcomes)

    def run(self, name: str, label: str, check: Callable[[], Iterator[str]]) -> bool:
        """Make one check, whose sentences are what is wrong; whether it passed.

        A check that fails in a way that it doesn't know itself has found something too: the plugin did it.
        """
        found: list[str] = []
        try:
            for sentence in check():
                if sentence not in found:
                    found.append(sentence)
        except Skipped as reason:
            self.outcomes.append(Outcome(name, label, "skipped", (str(reason),)))
            return True
        except Exception as error:
            found.append(f"{type(error).__name__}: {error}")
        wrong = tuple(each for each in found if not isinstance(each, Remark))
        remarks = tuple(each for each in found if isinstance(each, Remark))
        self.outcomes.append(Outcome(name, label, "failed" if wrong else "passed", wrong, remarks))
        return not wrong

    def skip(self, name: str, label: str, reason: str) -> None:
        """Write down that a check could not be made."""
        self.outcomes.append(Outcome(name, label, "skipped", (reason,)))

    def lines(self) -> Iterator[str]:
        """The report as people read it."""
        marks = {"passed": "ok", "failed": "FAILED", "skipped": "skipped"}
        for outcome in self.outcomes:
            yield f"{marks[outcome.verdict]:>8}  {outcome.label}"
            for sentence in (*outcome.sentences, *outcome.remarks):
                first, *rest = sentence.splitlines() or [""]
                yield f"{'':10}- {first}"
                yield from (f"{'':12}{line}" for line in rest)

    def as_json(self) -> dict[str, object]:
        """The report as programs read it."""
        return {
            "plugin": self.plugin,
            "title": self.title,
            "version": self.version,
            "passed": self.passed,
            "checks": [
                {
                    "name": each.name,
                    "label": each.label,
                    "verdict": each.verdict,
                    "sentences": list(each.sentences),
                    "remarks": list(each.remarks),
                }
                for each in self.outcomes
            ],
        }
