"""The faces of a field type that a plugin brings, each under guard: :func:`guarded_class`.

A face that **reads** (display, CSV, search words, ...) fails open: something plain stands for the value. What can't be
read out of its columns is :class:`~townhall_forms.faults.Unread`, which no code of the plugin is given. A face that
**writes** (parsing, columns, history) fails closed, with a sentence at the field.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from functools import cached_property
from functools import partial
from inspect import getattr_static
from threading import local
from typing import Any
from typing import TypeVar

from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall.extend import face_answers as answers
from townhall.extend.guarding import Guard
from townhall.extend.hooks import Implementation
from townhall.hookspecs import HookKind
from townhall_forms.errors import Invalid
from townhall_forms.faults import NOT_SHOWN
from townhall_forms.faults import Undrawn
from townhall_forms.faults import Unread
from townhall_forms.faults import Untaken
from townhall_forms.faults import untaken
from townhall_forms.fields import is_built_in
from townhall_forms.fields.base import Field
from townhall_forms.fields.base import encode_json

T = TypeVar("T")

#: What faces are to a guard: whether their failure refuses, and how many seconds one call may take.
READS = HookKind(decides=False, seconds=0.1)
WRITES = HookKind(decides=True, seconds=0.5)
#: Faces that write.
WRITING = frozenset({"parse", "extract", "revise", "to_columns", "to_json", "json_text"})
#: What a type says of itself, whatever the value.
STRUCTURE: Mapping[str, Callable[[Any], Any]] = {
    "key_column": answers.words,
    "sort_column": answers.words,
    "target": answers.words,
    "control": answers.words,
    "many_targets": answers.yes_or_no,
    "is_computed": answers.yes_or_no,
    "can_encrypt": answers.yes_or_no,
}
_FACES = frozenset(
    {"bind", "columns", "display", "from_columns", "is_empty", "json_schema", "raw", "references", "search_text"}
    | {"to_csv", "store", "load"}
    | WRITING
    | STRUCTURE.keys()
)


def told(name: str) -> tuple[bool, float]:
    """Of a face, as its breaker names it: whether it writes, and how many seconds it may take."""
    kind = WRITES if name.rpartition(".")[2] in WRITING else READS
    return kind.decides, kind.seconds


def built_in_of(kind: type[Field]) -> type[Field]:
    """The nearest of the language's own types that a type is made of."""
    return next(each for each in kind.__mro__ if is_built_in(each))


class Watch:
    """Calls the faces of one field type under guard. A face that another face calls is part of that call.

    The guard is the town's, which may be gone while a schema is still kept somewhere.
    """

    def __init__(self, plugin: str, type_name: str, guard: Guard | None) -> None:
        self._plugin = plugin
        self._type_name = type_name
        self._guard = weakref.ref(guard) if guard is not None else lambda: None
        self._thread = local()
        self._known: dict[str, Implementation] = {}

    def react(self, face: str, call: Callable[[], Any], accept: Callable[[Any], T], otherwise: Callable[[], T]) -> T:
        """The answer of a face that reads, or something else."""
        guard = self._guard()
        if guard is None or getattr(self._thread, "inside", False):
            answer: T = call()
            return answer
        self._thread.inside = True
        try:
            reaction = guard.react(self._implementation(face), accept, {"call": call})
        finally:
            self._thread.inside = False
        return otherwise() if reaction.problem else reaction.value  # type: ignore[return-value]  # it answered

    def decide(self, face: str, call: Callable[[], Any], accept: Callable[[Any], T]) -> T:
        """The answer of a face that writes. Raises :class:`~townhall.errors.Rejected`."""
        guard = self._guard()
        if guard is None or getattr(self._thread, "inside", False):
            answer: T = call()
            return answer
        self._thread.inside = True
        try:
            return guard.decide(self._implementation(face), accept, {"call": call})
        finally:
            self._thread.inside = False

    @property
    def writes(self) -> bool:
        """Whether a record is being written."""
        guard = self._guard()
        return guard is not None and guard.writes

    @property
    def idle(self) -> bool:
        """Whether nothing is guarded: while a plugin starts, and inside another face."""
        return self._guard() is None or getattr(self._thread, "inside", False)

    def _implementation(self, face: str) -> Implementation:
        known = self._known.get(face)
        if known is None:
            kind = WRITES if face in WRITING else READS
            name = f"{self._type_name}.{face}"
            known = Implementation(self._plugin, name, _call, ("call",), kind=kind, stage="field")
            self._known[face] = known
        return known


def _call(call: Callable[[], Any]) -> Any:
    return call()


def guarded_class(kind: type[Field], watch: Watch) -> type[Field]:
    """A subclass of a plugin's field type with each of its faces under guard."""
    built_in = built_in_of(kind)

    def plain(self: Any, name: str) -> Any:
        """A face as the plugin wrote it."""
        return getattr(super(made, self), name)

    def reading(
        name: str, accept: Callable[[Any], Any], otherwise: Any, *, of_value: bool = True
    ) -> Callable[..., Any]:
        def face(self: Any, *given: Any) -> Any:
            if of_value and given and type(given[0]) is Unread:
                return otherwise
            return watch.react(name, lambda: plain(self, name)(*given), accept, lambda: otherwise)

        return face

    def writing(name: str, accept: Callable[[Field, Any], Any], unread: Callable[[Unread], Any]) -> Callable[..., Any]:
        def face(self: Any, value: Any) -> Any:
            if type(value) is Unread:
                return unread(value)
            try:
                return watch.decide(name, lambda: plain(self, name)(value), partial(accept, self))
            except Rejected as error:
                raise ValidationFailed({self.name: str(error)}) from error

        return face

    def structure(name: str, accept: Callable[[Any], Any], *, called: bool = False) -> Callable[..., Any]:
        def face(self: Any) -> Any:
            key = f"{name} as it was told"
            if key not in self.__dict__:
                self.__dict__[key] = watch.react(
                    name,
                    lambda: plain(self, name)() if called else plain(self, name),
                    accept,
                    lambda: as_built(built_in, name, self),
                )
            return self.__dict__[key]

        return face

    def parse(self: Any, raw: Any, context: Any) -> Any:
        if type(raw) is Unread or watch.idle:
            return raw if type(raw) is Unread else plain(self, "parse")(raw, context)
        if isinstance(raw, Untaken):
            raise Invalid("What was typed here could not be taken in, so nothing was saved. Try again in a minute.")
        if isinstance(raw, str) and raw == NOT_SHOWN:
            raise Invalid("This stands for a value that could not be shown. Leave it out, or write the value itself.")

        def ask() -> Any:
            try:
                return plain(self, "parse")(raw, context)
            except Invalid as refusal:
                return refusal

        try:
            answer = watch.decide("parse", ask, partial(answers.parsed, self))
        except (Rejected, ValidationFailed) as error:
            raise Invalid(str(error)) from error
        if isinstance(answer, Invalid):
            raise answer
        return answer

    def from_columns(self: Any, row: Mapping[str, Any]) -> Any:
        def as_kept() -> Unread:
            return Unread(tuple((column.name, row.get(column.name)) for column in self.columns()))

        accept = partial(answers.value_of, self)
        return watch.react("from_columns", lambda: plain(self, "from_columns")(row), accept, as_kept)

    def extract(self: Any, data: Any, files: Any, prefix: str, context: Any) -> Any:
        given = (data, files, prefix, context)
        try:
            return watch.decide("extract", lambda: plain(self, "extract")(*given), answers.raw)
        except (Rejected, ValidationFailed):
            try:
                return untaken(built_in.extract(self, *given))
            except Exception:  # it counts on something of the plugin's
                return untaken(data.get(prefix, ""))

    def raw(self: Any, value: Any, context: Any) -> Any:
        def otherwise() -> Any:
            return "" if value is None else Undrawn()

        if type(value) is Unread:
            return Undrawn()
        return watch.react("raw", lambda: plain(self, "raw")(value, context), answers.raw, otherwise)

    def bind(self: Any, values: Any, context: Any) -> Any:
        def accept(answer: Any) -> Any:
            if type(answer) is not type(self):
                raise TypeError(f"it gave {type(answer).__name__} where the field belongs")
            return answer

        return watch.react("bind", lambda: plain(self, "bind")(values, context), accept, lambda: self)

    def revise(self: Any, old: Any, new: Any) -> Any:
        if Unread in (type(old), type(new)):
            return new
        try:
            accept = partial(answers.value_of, self)
            return watch.decide("revise", lambda: plain(self, "revise")(old, new), accept)
        except Rejected as error:
            raise ValidationFailed({self.name: str(error)}) from error

    def is_empty(self: Any, value: Any) -> Any:
        if type(value) is Unread:
            return False
        call = lambda: plain(self, "is_empty")(value)  # noqa: E731
        return watch.react("is_empty", call, answers.yes_or_no, lambda: Field.is_empty(self, value))

    def references(self: Any, value: Any) -> Any:
        if type(value) is Unread:
            return ()
        call = lambda: plain(self, "references")(value)  # noqa: E731
        if not watch.writes:
            return watch.react("references", call, answers.references, tuple)
        try:  # whether it may point there is about to be checked
            return watch.decide("references", call, answers.references)
        except Rejected as error:
            raise ValidationFailed({self.name: str(error)}) from error

    def helper(name: str, otherwise: Callable[..., Any], *, called: bool) -> Any:
        """Something else that the plugin does in another way than the built-in type, which then stands in for it."""
        if called:
            return lambda self, *given: watch.react(
                name, lambda: plain(self, name)(*given), _as_is, lambda: otherwise(self, *given)
            )
        return property(lambda self: watch.react(name, lambda: plain(self, name), _as_is, lambda: otherwise(self)))

    faces: dict[str, Any] = {
        "parse": parse,
        "from_columns": from_columns,
        "extract": extract,
        "raw": raw,
        "bind": bind,
        "revise": revise,
        "is_empty": is_empty,
        "columns": structure("columns", answers.columns, called=True),
        "display": reading("display", answers.words, NOT_SHOWN),
        "to_csv": reading("to_csv", answers.words, NOT_SHOWN),
        "search_text": reading("search_text", answers.words, ""),
        "references": references,
        "json_schema": reading("json_schema", answers.json_object, {}, of_value=False),
        "to_columns": writing("to_columns", answers.cells, lambda value: dict(value.stored)),
        "to_json": writing("to_json", lambda self, answer: answers.json_value(answer), lambda value: NOT_SHOWN),
        "json_text": writing(
            "json_text", lambda self, answer: answers.json_text(answer), lambda value: encode_json(NOT_SHOWN)
        ),
    }
    faces |= {name: property(structure(name, accept)) for name, accept in STRUCTURE.items()}
    faces |= {
        name: helper(name, partial(as_built, built_in, name), called=called)
        for name, called in _helpers(kind, built_in)
    }
    namespace = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__doc__": kind.__doc__, **faces}
    metaclass: Any = type(kind)
    made: type[Field] = metaclass(kind.__name__, (kind,), namespace)
    return made


def _as_is(answer: T) -> T:
    return answer


def as_built(built_in: type[Field], name: str, field: Field, *given: Any) -> Any:
    """What the built-in type says where a plugin's own should have."""
    found = getattr_static(built_in, name, "")
    if isinstance(found, property) and found.fget is not None:
        return found.fget(field)
    if isinstance(found, cached_property):
        return found.func(field)
    return found(field, *given) if callable(found) else found


def _helpers(kind: type[Field], built_in: type[Field]) -> Iterator[tuple[str, bool]]:
    """What else than its faces a plugin's type does in another way than the built-in one that it is made of, and
    whether it is called.
    """
    own = [each for each in kind.__mro__ if each is not object and not is_built_in(each)]
    for name in dict.fromkeys(name for each in own for name in vars(each)):
        if name.startswith("_") or name in _FACES:
            continue
        if isinstance(getattr_static(kind, name), property | cached_property):
            if name == "compares" or hasattr(built_in, name):
                yield name, False
        elif callable(getattr_static(built_in, name, None)):
            yield name, True
