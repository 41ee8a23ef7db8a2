"""The faces of a field type that a plugin brings, each under guard: :class:`GuardedFaces`.

A face that **reads** (display, CSV, search words, ...) fails open: something plain stands for the value. What can't be
read out of its columns is :class:`~townhall_forms.faults.Unread`, which no code of the plugin is given. A face that
**writes** (parsing, columns, history) fails closed, with a sentence at the field.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from functools import cached_property
from functools import partial
from inspect import getattr_static
from typing import Any
from typing import TypeVar

from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall.extend import face_answers as answers
from townhall.extend.watching import WRITING
from townhall.extend.watching import Watch
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


def built_in_of(kind: type[Field]) -> type[Field]:
    """The nearest of the language's own types that a type is made of."""
    return next(each for each in kind.__mro__ if is_built_in(each))


class GuardedFaces(Field):
    """What comes before a plugin's own class in a guarded one: each face asks the plugin's, the next in line, through
    the watch of its type. :func:`guarded_class` adds what a type says of itself (:data:`STRUCTURE` and its columns).
    """

    # Names with two underscores are this class's own, whatever a plugin calls its.
    __watch: Watch
    __built_in: type[Field]

    # -- faces that read -----------------------------------------------------------------------------------------

    def display(self, value: Any, context: Any) -> str:
        """What stands on pages."""
        return self.__read("display", answers.words, NOT_SHOWN, value, context)

    def to_csv(self, value: Any, context: Any) -> str:
        """What stands in a file."""
        return self.__read("to_csv", answers.words, NOT_SHOWN, value, context)

    def search_text(self, value: Any, context: Any) -> str:
        """The words that it is found by."""
        return self.__read("search_text", answers.words, "", value, context)

    def json_schema(self) -> dict[str, Any]:
        """What machines are told of it; nothing, if it can't be said."""
        nothing: dict[str, Any] = {}
        return self.__read("json_schema", answers.json_object, nothing)

    def raw(self, value: Any, context: Any) -> Any:
        """What stands in its input; the input of a value that can't be drawn is left alone."""
        if type(value) is Unread:
            return Undrawn()
        return self.__watch.react(
            "raw", lambda: self.__plain("raw")(value, context), answers.raw, partial(_undrawn, value)
        )

    def from_columns(self, row: Mapping[str, Any]) -> Any:
        """The value out of its columns; what can't be read is kept as it is."""
        accept = partial(answers.value_of, self)
        return self.__watch.react(
            "from_columns", lambda: self.__plain("from_columns")(row), accept, lambda: self.__as_kept(row)
        )

    def bind(self, values: Any, context: Any) -> Field:
        """The field as it stands beside these values; itself, if that can't be said."""
        return self.__watch.react(
            "bind", lambda: self.__plain("bind")(values, context), self.__one_of_these, lambda: self
        )

    def is_empty(self, value: Any) -> bool:
        """Whether there is nothing in it; what can't be read is something."""
        if type(value) is Unread:
            return False
        return self.__watch.react(
            "is_empty", lambda: self.__plain("is_empty")(value), answers.yes_or_no, lambda: Field.is_empty(self, value)
        )

    def references(self, value: Any) -> Sequence[tuple[str, int]]:
        """What it points at. In a write that is about to be checked, so not knowing refuses it."""
        if type(value) is Unread:
            return ()
        if self.__watch.writes:
            return self.__write("references", answers.references, value)
        return self.__watch.react("references", lambda: self.__plain("references")(value), answers.references, tuple)

    # -- faces that write ----------------------------------------------------------------------------------------

    def parse(self, raw: Any, context: Any) -> Any:
        """The value that was typed. Raises :class:`~townhall_forms.errors.Invalid`, also where the plugin fails."""
        if type(raw) is Unread or self.__watch.idle:
            return raw if type(raw) is Unread else self.__plain("parse")(raw, context)
        if isinstance(raw, Untaken):
            raise Invalid("What was typed here could not be taken in, so nothing was saved. Try again in a minute.")
        if isinstance(raw, str) and raw == NOT_SHOWN:
            raise Invalid("This stands for a value that could not be shown. Leave it out, or write the value itself.")
        try:
            answer = self.__watch.decide(
                "parse", lambda: self.__value_or_refusal(raw, context), partial(answers.parsed, self)
            )
        except (Rejected, ValidationFailed) as error:
            raise Invalid(str(error)) from error
        if isinstance(answer, Invalid):
            raise answer
        return answer

    def extract(self, data: Any, files: Any, prefix: str, context: Any) -> Any:
        """What was sent of its input, in a form as the built-in type reads it if the plugin can't."""
        given = (data, files, prefix, context)
        try:
            return self.__watch.decide("extract", lambda: self.__plain("extract")(*given), answers.raw)
        except (Rejected, ValidationFailed):
            try:
                return untaken(self.__built_in.extract(self, *given))
            except Exception:  # it counts on something of the plugin's
                return untaken(data.get(prefix, ""))

    def revise(self, old: Any, new: Any) -> Any:
        """The value to keep when another one replaces it."""
        if Unread in (type(old), type(new)):
            return new
        return self.__write("revise", partial(answers.value_of, self), old, new)

    def to_columns(self, value: Any) -> Mapping[str, Any]:
        """What its columns hold; of what couldn't be read, what they held."""
        if type(value) is Unread:
            return dict(value.stored)
        return self.__write("to_columns", partial(answers.cells, self), value)

    def to_json(self, value: Any) -> Any:
        """How history keeps it."""
        return NOT_SHOWN if type(value) is Unread else self.__write("to_json", answers.json_value, value)

    def json_text(self, value: Any) -> str:
        """The same as text."""
        if type(value) is Unread:
            return encode_json(NOT_SHOWN)
        return self.__write("json_text", answers.json_text, value)

    # -- how -----------------------------------------------------------------------------------------------------

    def __plain(self, face: str) -> Any:
        """A face as the plugin wrote it: the class behind this one is the plugin's."""
        return getattr(super(), face)

    def __read(self, face: str, accept: Callable[[Any], T], otherwise: T, *given: Any) -> T:
        """The answer of a face that reads, or what stands for it."""
        if given and type(given[0]) is Unread:
            return otherwise
        return self.__watch.react(
            face, lambda: getattr(super(GuardedFaces, self), face)(*given), accept, lambda: otherwise
        )

    def __write(self, face: str, accept: Callable[[Any], T], *given: Any) -> T:
        """The answer of a face that writes. Raises :class:`~townhall.errors.ValidationFailed`, at the field."""
        try:
            return self.__watch.decide(face, lambda: getattr(super(GuardedFaces, self), face)(*given), accept)
        except Rejected as error:
            raise ValidationFailed({self.name: str(error)}) from error

    def __as_kept(self, row: Mapping[str, Any]) -> Unread:
        return Unread(tuple((column.name, row.get(column.name)) for column in self.columns()))

    def __one_of_these(self, answer: Any) -> Field:
        if type(answer) is not type(self):
            raise TypeError(f"it gave {type(answer).__name__} where the field belongs")
        return answer

    def __value_or_refusal(self, raw: Any, context: Any) -> Any:
        """What the plugin reads; a refusal is an answer too, and no failure."""
        try:
            return self.__plain("parse")(raw, context)
        except Invalid as refusal:
            return refusal


def guarded_class(kind: type[Field], watch: Watch) -> type[Field]:
    """A subclass of a plugin's field type with each of its faces under guard."""
    built_in = built_in_of(kind)
    namespace: dict[str, Any] = {
        "__module__": kind.__module__,
        "__qualname__": kind.__qualname__,
        "__doc__": kind.__doc__,
        "_GuardedFaces__watch": watch,
        "_GuardedFaces__built_in": built_in,
    }
    namespace["columns"] = _structure("columns", answers.columns, watch, built_in, called=True)
    namespace |= {name: property(_structure(name, accept, watch, built_in)) for name, accept in STRUCTURE.items()}
    namespace |= {name: _helper(name, watch, built_in, called=called) for name, called in _helpers(kind, built_in)}
    metaclass: Any = type(kind)
    made: type[Field] = metaclass(kind.__name__, (GuardedFaces, kind), namespace)
    return made


def _structure(
    name: str, accept: Callable[[Any], Any], watch: Watch, built_in: type[Field], *, called: bool = False
) -> Callable[[Any], Any]:
    """Something that a type says of itself, asked once for each field; what the built-in one says where it can't."""
    key = f"{name} as it was told"

    def face(field: Any) -> Any:
        if key not in field.__dict__:
            field.__dict__[key] = watch.react(
                name,
                lambda: _plain(field, name)() if called else _plain(field, name),
                accept,
                lambda: as_built(built_in, name, field),
            )
        return field.__dict__[key]

    return face


def _helper(name: str, watch: Watch, built_in: type[Field], *, called: bool) -> Any:
    """Something else that the plugin does in another way than the built-in type, which then stands in for it."""
    if called:
        return lambda field, *given: watch.react(
            name, lambda: _plain(field, name)(*given), _as_is, lambda: as_built(built_in, name, field, *given)
        )
    return property(
        lambda field: watch.react(name, lambda: _plain(field, name), _as_is, lambda: as_built(built_in, name, field))
    )


def _plain(field: Any, name: str) -> Any:
    """What the plugin's own class says, the one behind the guarded faces."""
    return getattr(super(GuardedFaces, field), name)


def _undrawn(value: Any) -> Any:
    return "" if value is None else Undrawn()


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
