"""Types with the town's own layer over them: :func:`load_layered`. Whatever the layer says, the types are there."""

from __future__ import annotations

from collections.abc import Sequence

from townhall_forms.errors import SchemaErrors
from townhall_forms.layer import Layer
from townhall_forms.layer_parts import Conflict
from townhall_forms.layer_parts import Part
from townhall_forms.layer_parts import parts_of
from townhall_forms.layering import Document
from townhall_forms.layering import apply
from townhall_forms.loading import Source
from townhall_forms.loading import load_schemas
from townhall_forms.schema import Schemas


def load_layered(
    sources: Sequence[Source], known: Schemas | None, layer: Layer
) -> tuple[Schemas, tuple[Conflict, ...]]:
    """All types of ``sources`` as ``layer`` changes them, together with those already ``known``; and the parts of the
    layer that had to be left out, because what they are about is gone or they make a mistake of the schema.

    What a layer says about other plugins' types is not looked at. Raises
    :class:`~townhall_forms.errors.SchemaErrors` for mistakes in the sources themselves.
    """
    plugins = {source.plugin for source in sources}
    parts = [part for part in parts_of(layer) if part.identity.partition(".")[0] in plugins]
    if not parts:
        return load_schemas(sources, known), ()
    work = _Layering(sources, known)
    schemas, conflicts = work.build(parts)
    if schemas is None:
        work.plain()  # raises if the sources are wrong by themselves
        work.find_misfits(parts)
        schemas, conflicts = work.build(work.fitting)
    assert schemas is not None  # noqa: S101 - what fits was tried
    gone = [
        Conflict(identity, (), "There is no such type any more.")
        for identity in dict.fromkeys(part.identity for part in parts)
        if identity not in schemas
    ]
    return schemas, tuple(dict.fromkeys((*gone, *work.misfits, *conflicts)))


class _Layering:
    """Tries which parts of a layer the sources can bear."""

    def __init__(self, sources: Sequence[Source], known: Schemas | None) -> None:
        self.sources = sources
        self.known = known
        self.fitting: list[Part] = []
        self.misfits: list[Conflict] = []
        self.reason = ""

    def plain(self) -> Schemas:
        """The types without any layer."""
        return load_schemas(self.sources, self.known)

    def build(self, parts: Sequence[Part]) -> tuple[Schemas | None, list[Conflict]]:
        """The types with these parts of a layer, or nothing if they make a mistake."""
        conflicts: list[Conflict] = []

        def over(identity: str, document: Document) -> Document:
            changed, left_out = apply(document, [part for part in parts if part.identity == identity])
            conflicts.extend(left_out)
            return changed

        try:
            return load_schemas(self.sources, self.known, over), conflicts
        except SchemaErrors as errors:
            self.reason = errors.mistakes[0].message
            return None, []

    def find_misfits(self, parts: Sequence[Part]) -> None:
        """Sort parts into those that fit with all before them and those that don't, halving to be quick."""
        if self.build([*self.fitting, *parts])[0] is not None:
            self.fitting += parts
        elif len(parts) == 1:
            part = parts[0]
            self.misfits.append(Conflict(part.identity, part.path, self.reason))
        else:
            middle = len(parts) // 2
            self.find_misfits(parts[:middle])
            self.find_misfits(parts[middle:])
