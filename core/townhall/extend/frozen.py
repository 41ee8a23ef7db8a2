"""Records of plugins that don't run: readable from what the town keeps of them, and frozen.

Whatever keeps a plugin from running (it is switched off, its files are gone, it could not start), its types are built
again from the schemas that it last ran with. Such a type has a sentence in ``RecordType.frozen``; reading works as
ever, every write is refused with the sentence, and nothing of it stands on the public site.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path

from townhall.extend.states import Essentials
from townhall.extend.states import State
from townhall_forms.errors import SchemaErrors
from townhall_forms.layer import EMPTY
from townhall_forms.layer import Layer
from townhall_forms.layered import load_layered
from townhall_forms.loading import Source
from townhall_forms.schema import RecordType
from townhall_forms.schema import Schemas


@dataclass(frozen=True, slots=True)
class Frozen:
    """A plugin that doesn't run and whose records the town keeps. ``problem`` says which of them can't be read."""

    name: str
    version: str
    essentials: Essentials
    sentence: str
    problem: str = ""

    @property
    def title(self) -> str:
        """What to call the plugin on screen."""
        return self.essentials.title or self.name


def freeze(
    schemas: Schemas, kept: Mapping[str, State], running: Sequence[str], layer: Layer = EMPTY
) -> tuple[Schemas, dict[str, Frozen]]:
    """The types that run together with those of all other plugins, frozen; and those plugins by name.

    The town's own ``layer`` lies over them as it did when they ran. A kept schema that doesn't fit the others any more
    is left out, and the plugin's ``problem`` tells.
    """
    frozen: dict[str, Frozen] = {}
    for state in _in_order(kept, [name for name, state in kept.items() if state.schemas and name not in running]):
        sentence = _sentence(state)
        types, mistakes = kept_types(state, schemas, layer)
        added = {identity: _frozen(record_type, sentence, state) for identity, record_type in types.items()}
        schemas = Schemas({**schemas, **added})
        frozen[state.name] = Frozen(state.name, state.version, state.essentials, sentence, _told(state, mistakes))
    return schemas, frozen


def restrict(schemas: Schemas, kept: Mapping[str, State]) -> Schemas:
    """The types as they may be read while no plugin's code runs: those that code guards by few only."""
    return Schemas(
        {
            identity: replace(record_type, restricted=True, public_if=None, public=None)
            if record_type.plugin in kept and kept[record_type.plugin].essentials.restricted
            else record_type
            for identity, record_type in schemas.items()
        }
    )


def _sentence(state: State) -> str:
    rest = "Its records are kept and can be read; nothing can be changed until it"
    if state.enabled:
        return f"{state.title} doesn't run at the moment. {rest} runs again."
    return f"{state.title} is switched off. {rest} is switched on again."


def _frozen(record_type: RecordType, sentence: str, state: State) -> RecordType:
    """The type without its doors for the public, and with the reason why it can't be changed."""
    return replace(
        record_type,
        frozen=sentence,
        restricted=state.essentials.restricted,
        public_if=None,
        public=None,
        forms={},
    )


def kept_types(state: State, known: Schemas, layer: Layer = EMPTY) -> tuple[dict[str, RecordType], list[str]]:
    """The types in the schemas that are kept of a plugin, and what is wrong with those that don't fit ``known``.

    Those with mistakes are left out, and with them those that count on them.
    """
    plugins = frozenset(record_type.plugin for record_type in known.values())
    sources = [
        Source(state.name, Path(state.name) / name, text, plugins, state.essentials.stand_ins)
        for name, text in sorted(state.schemas.items())
    ]
    mistakes: list[str] = []
    while sources:
        try:
            loaded, _ = load_layered(sources, known, layer)
        except SchemaErrors as error:
            mistakes += map(str, error.mistakes)
            wrong = {mistake.file for mistake in error.mistakes}
            sources = [source for source in sources if source.name not in wrong]
        else:
            return {identity: each for identity, each in loaded.items() if identity not in known}, mistakes
    return {}, mistakes


def _told(state: State, mistakes: Sequence[str]) -> str:
    if not mistakes:
        return ""
    return "\n".join((f"Some records of {state.title} are kept but can't be shown until it is on again.", *mistakes))


def _in_order(kept: Mapping[str, State], names: Sequence[str]) -> Iterator[State]:
    """The plugins called ``names``, each after those that it requires."""
    waiting = sorted(names)
    while waiting:
        ready = [name for name in waiting if not set(kept[name].essentials.requires) & set(waiting)] or waiting
        yield from (kept[name] for name in ready)
        waiting = [name for name in waiting if name not in ready]
