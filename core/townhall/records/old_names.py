"""History under old names: entries are never changed, so reading them translates what migrations have renamed since.

The ledger says what was renamed, and which entries were written before. A name that was given to something else
afterwards is told apart by that: what stands between two renames means what it meant then.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

from townhall.db import ledger
from townhall.db.ledger import Effect

if TYPE_CHECKING:
    from townhall.town import Town


@dataclass(frozen=True, slots=True)
class Era:
    """When a type's entries were written under ``identity``: after the entry ``above``, up to ``last`` (0: no end)."""

    identity: str
    above: int
    last: int


class OldNames:
    """What was renamed in a town, in order: each rename with the last history entry that was written before it."""

    def __init__(self, renames: Sequence[tuple[Effect, int]]) -> None:
        self._renames = tuple(renames)

    @classmethod
    def of(cls, town: Town) -> OldNames:
        """Those of a town, read from its ledger."""
        entries = ledger.migrations(town.system)
        return cls([(effect, entry.history_id) for entry in entries for effect in entry.effects])

    def eras(self, identity: str) -> list[Era]:
        """Under which names the entries of the type that is now called ``identity`` were written, and when."""
        found: list[Era] = []
        name, last = identity, 0
        for effect, before in reversed(self._renames):
            if effect["verb"] != "rename_type":
                continue
            if effect["to"] == name:
                found.append(Era(name, before, last))
                name, last = effect["from"], before
            elif effect["from"] == name:
                # Whatever was called so before became something else.
                return [*found, Era(name, before, last)]
        return [*found, Era(name, 0, last)]

    def where(self, table: Any, identity: str) -> Any:
        """The condition on ``history`` that its entry is about the type now called ``identity``."""
        found = None
        for era in self.eras(identity):
            part = table.identity == era.identity
            if era.above:
                part &= table.id > era.above
            if era.last:
                part &= table.id <= era.last
            found = part if found is None else found | part
        return found

    def test(self, mark: str, identity: str) -> tuple[str, tuple[str | int, ...]]:
        """:meth:`where` as SQL on the columns of ``history``, with a ``mark`` for each of its parameters."""
        tests: list[str] = []
        parameters: list[str | int] = []
        for era in self.eras(identity):
            above, last = (f" AND id > {mark}" if era.above else ""), (f" AND id <= {mark}" if era.last else "")
            tests.append(f"identity = {mark}{above}{last}")
            parameters += [era.identity, *([era.above] if era.above else []), *([era.last] if era.last else [])]
        return (tests[0] if len(tests) == 1 else f"({' OR '.join(tests)})"), tuple(parameters)

    def translate(self, identity: str, id: int, changes: Mapping[str, Any]) -> dict[str, Any]:
        """What an entry says, in the names of today. ``identity`` is the type's name today."""
        told = dict(changes)
        for effect in self._since(identity, id):
            if effect["verb"] == "rename_field":
                told = _renamed(told, effect["from"], effect["to"])
            elif effect["verb"] == "rename_state" and "state" in told:
                told["state"] = [effect["to"] if state == effect["from"] else state for state in told["state"]]
        for effect, before in self._renames:
            if effect["verb"] == "rename_type" and before >= id:
                told = {name: pointing(value, effect["from"], effect["to"]) for name, value in told.items()}
        return told

    def today(self, identity: str) -> str:
        """What a type is called now that was once called ``identity``."""
        for effect, _ in self._renames:
            if effect["verb"] == "rename_type" and effect["from"] == identity:
                identity = effect["to"]
        return identity

    def address(self, path: str) -> str:
        """An address on this site as it is now, if it names a type as it was once called."""
        parts = path.split("/")
        for at in range(len(parts) - 1):
            then = f"{parts[at]}.{parts[at + 1]}"
            if (now := self.today(then)) != then:
                plugin, _, name = now.partition(".")
                return "/".join([*parts[:at], plugin, name, *parts[at + 2 :]])
        return path

    def _since(self, identity: str, id: int) -> Iterator[Effect]:
        """The renames inside a type that came after one of its entries."""
        name = next((era.identity for era in self.eras(identity) if era.above < id <= (era.last or id)), identity)
        for effect, before in self._renames:
            if before < id:
                continue
            if effect["verb"] == "rename_type" and effect["from"] == name:
                name = effect["to"]
            elif effect.get("type") == name:
                yield effect


def pointing(value: Any, old: str, new: str) -> Any:
    """A value as JSON in which references to records of the type ``old`` name the type ``new``."""
    if isinstance(value, list):
        return [pointing(each, old, new) for each in value]
    if isinstance(value, dict):
        if value.get("identity") == old and set(value) == {"identity", "id"}:
            return {**value, "identity": new}
        return {name: pointing(each, old, new) for name, each in value.items()}
    return value


def _renamed(told: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    first, _, column = old.partition(".")
    if not column:
        return {new if name == old else name: value for name, value in told.items()}
    inner = new.partition(".")[2]
    if first not in told:
        return told
    return {**told, first: [_with_column(lines, column, inner) for lines in told[first]]}


def _with_column(lines: Any, old: str, new: str) -> Any:
    if not isinstance(lines, list):
        return lines
    return [
        {new if name == old else name: value for name, value in line.items()} if isinstance(line, dict) else line
        for line in lines
    ]
