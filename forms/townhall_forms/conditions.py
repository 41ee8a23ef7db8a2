"""Conditions are data: one language for ``show_if``, ``public_if``, checks, filters and whatever else depends.

``{ "category.code" = ["a", "b"], amount = { gte = 500 } }`` holds when all its keys hold; ``all``, ``any`` and ``not``
(none of these) group others. :mod:`townhall_forms.condition_sql` and ``static/conditions.js`` decide the same.

A missing value makes every comparison false, and ``ne`` and ``not_in`` true: they are exactly *not* ``eq`` and ``in``.
Where a path reaches several values (rows, links), one that fits is enough. Nothing here ever raises on a value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from typing import TYPE_CHECKING
from typing import Any

from townhall_forms.comparing import fits
from townhall_forms.comparing import is_missing
from townhall_forms.comparing import plain_codes
from townhall_forms.errors import FormsError
from townhall_forms.kinds import KINDS
from townhall_forms.kinds import Kind
from townhall_forms.kinds import PathInfo
from townhall_forms.kinds import Resolver
from townhall_forms.kinds import did_you_mean
from townhall_forms.operands import Environment
from townhall_forms.operands import InvalidOperand
from townhall_forms.operands import Moment
from townhall_forms.operands import Operand
from townhall_forms.operands import OtherField
from townhall_forms.operands import parse_operand

if TYPE_CHECKING:
    from peewee import Expression

    from townhall_forms.condition_sql import SqlOperand

__all__ = ["OPERATORS", "Condition", "Environment", "InvalidCondition", "Leaf", "parse_condition"]

OPERATORS = ("eq", "ne", "lt", "lte", "gt", "gte", "in", "not_in", "contains", "starts_with", "empty", "between")
#: Names that group other conditions and so can't be fields.
GROUPS = ("all", "any", "not")

_NEGATED = {"ne": "eq", "not_in": "in"}
_PATH = re.compile(r"[a-z][a-z0-9_]*(\.[\w-]+)?")

Get = Callable[[str], Any]


class InvalidCondition(FormsError):
    """A condition can't be read. ``problems`` has a ``(key inside it, sentence)`` for each reason."""

    def __init__(self, problems: Iterable[tuple[str, str]]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{key}: {message}" if key else message for key, message in self.problems))


@dataclass(frozen=True, slots=True)
class Leaf:
    """One test of one path. ``operands`` are one, for ``in`` many, for ``between`` two, for ``empty`` none."""

    path: str
    operator: str
    operands: tuple[Operand, ...] = ()
    kind: Kind = "any"
    many: bool = False
    wanted: bool = True
    _codes: frozenset[str] | None = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_codes", plain_codes(self.operator, self.operands, self.kind))

    def evaluate(self, get: Get, environment: Environment) -> bool:
        """Whether the test holds."""
        value = get(self.path)
        if self._codes is not None and type(value) is str:
            return (value in self._codes) is not (self.operator in _NEGATED)
        if self.operator == "empty":
            return is_missing(value) is self.wanted
        positive = _NEGATED.get(self.operator)
        holds = fits(value, positive or self.operator, self.operands, self.kind, get, environment)
        return not holds if positive else holds

    def to_json(self) -> dict[str, Any]:
        """The test for ``conditions.js``."""
        told: dict[str, Any] = {"path": self.path, "op": self.operator, "kind": self.kind}
        if self.operator == "empty":
            told["value"] = self.wanted
        elif self.operator in ("in", "not_in", "between"):
            told["value"] = [operand.to_json() for operand in self.operands]
        else:
            told["value"] = self.operands[0].to_json()
        return told

    def paths(self) -> Iterator[str]:
        """Paths that the test reads."""
        yield self.path
        for operand in self.operands:
            if isinstance(operand, OtherField):
                yield operand.path


@dataclass(frozen=True, slots=True)
class Group:
    """Several conditions under ``all``, ``any`` or ``not`` (which means that none of them holds)."""

    name: str
    members: tuple[Leaf | Group, ...]

    def evaluate(self, get: Get, environment: Environment) -> bool:
        """Whether the group holds."""
        decisive = self.name != "all"
        for member in self.members:
            if member.evaluate(get, environment) is decisive:
                return self.name == "any"
        return self.name != "any"

    def to_json(self) -> dict[str, Any]:
        """The group for ``conditions.js``."""
        return {self.name: [member.to_json() for member in self.members]}

    def paths(self) -> Iterator[str]:
        """Paths that the group reads."""
        for member in self.members:
            yield from member.paths()


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that has been read, ready for each evaluator."""

    root: Leaf | Group

    def evaluate(self, get: Get, environment: Environment) -> bool:
        """Whether it holds. ``get`` gives the value for a path; the column of rows as a tuple of all rows' values."""
        return self.root.evaluate(get, environment)

    def paths(self) -> frozenset[str]:
        """Every path that decides about it."""
        return frozenset(self.root.paths())

    def leaves(self) -> Iterator[Leaf]:
        """Its single tests."""
        pending = [self.root]
        while pending:
            node = pending.pop()
            if isinstance(node, Leaf):
                yield node
            else:
                pending.extend(node.members)

    def uses_moment(self) -> bool:
        """Whether it can change by itself as time passes."""
        return any(isinstance(operand, Moment) for leaf in self.leaves() for operand in leaf.operands)

    def behind(self, link: str) -> Condition | None:
        """The same condition as one of the record that ``link`` points at; ``None`` if it is about anything else."""
        if any(path.partition(".")[0] != link or "." not in path for path in self.paths()):
            return None
        return Condition(_behind(self.root, len(link) + 1))

    def settled(self, outcome: Callable[[Leaf], bool | None]) -> Condition:
        """The same condition with each test whose ``outcome`` is known in place of what it asks; ``None`` leaves it."""
        return Condition(_settled(self.root, outcome))

    def to_json(self) -> dict[str, Any]:
        """The condition for ``conditions.js``."""
        return self.root.to_json()

    def to_sql(self, operands: Callable[[str], SqlOperand], environment: Environment) -> Expression:
        """The same truth as an SQL expression that is never NULL; see :mod:`townhall_forms.condition_sql`."""
        from townhall_forms.condition_sql import compile_condition

        return compile_condition(self, operands, environment)

    def negate(self) -> Condition:
        """The condition that holds when this one does not."""
        return Condition(Group("not", (self.root,)))

    @staticmethod
    def all_of(conditions: Iterable[Condition]) -> Condition:
        """One condition that holds when all of ``conditions`` do (always, when there are none)."""
        return _grouped("all", conditions)

    @staticmethod
    def any_of(conditions: Iterable[Condition]) -> Condition:
        """One condition that holds when one of ``conditions`` does (never, when there are none)."""
        return _grouped("any", conditions)


def _behind(node: Leaf | Group, cut: int) -> Leaf | Group:
    """The tests with the first letters of every path cut off."""
    if isinstance(node, Group):
        return replace(node, members=tuple(_behind(member, cut) for member in node.members))
    operands = tuple(
        replace(operand, path=operand.path[cut:]) if isinstance(operand, OtherField) else operand
        for operand in node.operands
    )
    return replace(node, path=node.path[cut:], operands=operands)


def _settled(node: Leaf | Group, outcome: Callable[[Leaf], bool | None]) -> Leaf | Group:
    """The tests, and for those that are decided a group of none, which always or never holds."""
    if isinstance(node, Group):
        return replace(node, members=tuple(_settled(member, outcome) for member in node.members))
    holds = outcome(node)
    return node if holds is None else Group("all" if holds else "any", ())


def _grouped(name: str, conditions: Iterable[Condition]) -> Condition:
    members = tuple(condition.root for condition in conditions)
    return Condition(members[0] if len(members) == 1 else Group(name, members))


# -- reading --------------------------------------------------------------------------------------------------------


def parse_condition(data: Any, *, resolve: Resolver | None = None) -> Condition:
    """Read a condition from what TOML, JSON or Python code gives.

    With ``resolve``, paths must exist and literals must suit what they are compared with; without, the values decide
    when it is evaluated. Raises :class:`InvalidCondition` with every problem at once.
    """
    problems: list[tuple[str, str]] = []
    root = _Reader(resolve, problems).table(data, "")
    if problems:
        raise InvalidCondition(problems)
    return Condition(root)


class _Reader:
    """One pass over a condition's data that gathers problems instead of stopping at the first."""

    def __init__(self, resolve: Resolver | None, problems: list[tuple[str, str]]) -> None:
        self.resolve = resolve
        self.problems = problems

    def problem(self, key: str, message: str) -> None:
        self.problems.append((key, message))

    def table(self, data: Any, at: str) -> Leaf | Group:
        if not isinstance(data, Mapping):
            self.problem(at, "a condition is a table like { field = value }")
            return Group("all", ())
        members: list[Leaf | Group] = []
        for name, given in data.items():
            key = f"{at}.{name}" if at else str(name)
            if name in GROUPS:
                members.append(self.group(name, given, key))
            elif not isinstance(name, str) or _PATH.fullmatch(name) is None:
                self.problem(key, f"“{name}” is not a path; write field or link.field")
            else:
                members.extend(self.path(name, given, key))
        return members[0] if len(members) == 1 else Group("all", tuple(members))

    def group(self, name: str, given: Any, key: str) -> Group:
        if not isinstance(given, list | tuple) or not given:
            self.problem(key, f"“{name}” takes a list of conditions: {name} = [{{ … }}, {{ … }}]")
            return Group(name, ())
        return Group(name, tuple(self.table(member, f"{key}.{index}") for index, member in enumerate(given)))

    def path(self, path: str, given: Any, key: str) -> Iterator[Leaf]:
        info = self.info(path, key)
        if isinstance(given, list | tuple):
            given = {"in": given}
        elif not isinstance(given, Mapping):
            given = {"eq": given}
        elif not given:
            self.problem(key, "says nothing; write a value or { operator = value }")
        for operator, raw in given.items():
            if operator not in OPERATORS:
                hint = did_you_mean(str(operator), OPERATORS) or f"; there are {', '.join(OPERATORS)}"
                self.problem(f"{key}.{operator}", f"“{operator}” is not an operator{hint}")
                continue
            if info is not None and operator not in info.operators:
                self.problem(key, f"“{operator}” means nothing for “{path}”; use {', '.join(sorted(info.operators))}")
                continue
            leaf = self.leaf(path, operator, raw, info, key)
            if leaf is not None:
                yield leaf

    def info(self, path: str, key: str) -> PathInfo | None:
        if self.resolve is None:
            return None
        info = self.resolve(path)
        if info is None:
            self.problem(key, self.resolve.missing(path))
        return info

    def leaf(self, path: str, operator: str, raw: Any, info: PathInfo | None, key: str) -> Leaf | None:
        leaf = Leaf(path, operator, kind=info.kind if info else "any", many=info.many if info else False)
        if operator == "empty":
            if not isinstance(raw, bool):
                self.problem(key, "“empty” takes true or false")
                return None
            return replace(leaf, wanted=raw)
        if operator in ("in", "not_in", "between"):
            if not isinstance(raw, list | tuple) or (operator == "between" and len(raw) != 2):
                self.problem(key, f"“{operator}” takes a list of {'two values' if operator == 'between' else 'values'}")
                return None
            raws = list(raw)
        else:
            raws = [raw]
        operands = [self.operand(path, each, info, operator, key) for each in raws]
        return replace(leaf, operands=tuple(operand for operand in operands if operand is not None))

    def operand(self, path: str, raw: Any, info: PathInfo | None, operator: str, key: str) -> Operand | None:
        if operator in ("contains", "starts_with") and isinstance(raw, str) and not raw.strip():
            self.problem(key, f"“{operator}” needs something to look for")
            return None
        try:
            operand = parse_operand(raw, info)
        except InvalidOperand as error:
            told = str(error)
            self.problem(key, f"“{path}” {told}" if told.startswith(("needs", "can")) else told)
            return None
        if isinstance(operand, OtherField):
            return self.other(operand, info, key)
        return operand

    def other(self, operand: OtherField, info: PathInfo | None, key: str) -> OtherField:
        """Another field must be there, single, and of a kind that can be compared."""
        found = self.info(operand.path, key)
        if found is None or info is None:
            return operand
        if found.many or found.kind in ("codes", "links"):
            self.problem(key, f"“{operand.path}” can have several values, so nothing can be compared with it")
        wanted = {"codes": "code", "links": "link"}.get(info.kind, info.kind)
        if wanted != found.kind and "any" not in (wanted, found.kind):
            self.problem(key, f"“{operand.path}” is {_KIND_WORDS[found.kind]}, not {_KIND_WORDS[info.kind]}")
        return replace(operand, kind=found.kind)


_KIND_WORDS: Mapping[Kind, str] = {kind: f"a {kind}" for kind in KINDS} | {
    "code": "a choice",
    "codes": "several choices",
    "boolean": "a yes or no",
    "links": "several links",
    "staff": "a person",
    "presence": "nothing that can be compared",
    "any": "an answer",
}
