"""The wards of the town: bringing in their outlines from a file of the map office, and which ward a place lies in."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.cases import rulebook
from townhall.cases.polygons import BadOutlines
from townhall.cases.polygons import Feature
from townhall.cases.polygons import Outline
from townhall.cases.polygons import Polygon
from townhall.cases.polygons import read_features
from townhall.cases.routes import place_field
from townhall.cases.rulebook import WARD
from townhall.db.transactions import immediate
from townhall.records.instants import from_microseconds
from townhall.records.instants import to_microseconds
from townhall_forms.text import normalise

if TYPE_CHECKING:
    from datetime import datetime

    from townhall.town import Town

#: What map offices call the name of an area, tried in this order.
_USUAL_NAMES = ("name", "ward", "ward_name", "district", "label", "title")
_LONGEST_NAME = 120
#: So many places of the town's cases are looked at to tell whether coordinates are swapped.
_PLACES = 50


@dataclass(frozen=True, slots=True)
class Import:
    """What came of a file: names of wards that are new, that have a new outline, and that the file doesn't know."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    left: tuple[str, ...]
    named_by: str

    @property
    def sentence(self) -> str:
        """All of it in a sentence or two."""
        said = f"{_number(len(self.added), 'new ward')}, {_number(len(self.changed), 'new outline')}."
        if self.left:
            said += f" Not in the file, and left as they were: {', '.join(self.left[:10])}"
            said += f" and {len(self.left) - 10} more." if len(self.left) > 10 else "."
        return said


@dataclass(frozen=True, slots=True)
class WardLine:
    """A ward as its list shows it: with its outline or none."""

    id: int
    name: str
    parts: int
    points: int
    imported: datetime | None
    source: str


def ward_at(town: Town, longitude: float, latitude: float) -> tuple[int, str] | None:
    """Id and name of the ward that a point lies in; ``None`` outside of all."""
    found = rulebook.rulebook(town).wards_at(longitude, latitude)
    return (found[0].id, found[0].name) if found else None


def overview(town: Town, actor: Actor) -> list[WardLine]:
    """The wards of which the actor may know, by name."""
    table = town.system.ward_shape
    outlines = {ward.id: ward.outline for ward in rulebook.rulebook(town).wards}
    kept = {row[0]: row[1:] for row in table.select(table.ward_id, table.imported_at, table.source).tuples()}
    lines = []
    for record in rulebook.all_of(town, WARD, sort="name", actor=actor):
        outline = outlines.get(record.id)
        at, source = kept.get(record.id, (None, ""))
        polygons = outline.polygons if outline is not None else ()
        points = sum(len(ring) for polygon in polygons for ring in polygon)
        moment = from_microseconds(at) if at is not None else None
        lines.append(WardLine(record.id, record["name"], len(polygons), points, moment, source))
    return lines


def import_outlines(town: Town, actor: Actor, data: bytes, *, name: str = "", source: str = "") -> Import:
    """Bring in the wards of a GeoJSON file, as a whole or not at all; ``name`` is the property that names them.

    Areas of one name become one ward, and a ward of that name that is there already gets the new outline. Nothing is
    deleted. Raises :class:`~townhall.cases.polygons.BadOutlines` and the errors of records.
    """
    policy.require(actor, "create", town.schemas[WARD])
    policy.require(actor, "edit", town.schemas[WARD])
    features = read_features(data)
    prop = _property(features, name)
    named = _gathered(features, prop)
    _refuse_swapped(town, named.values())
    added, changed = [], []
    with immediate(town.database):
        there = {normalise(each["name"]): each for each in rulebook.all_of(town, WARD, archived=None)}
        left = {key: each["name"] for key, each in there.items() if each.archived is None}
        for title, outline in named.items():
            known = there.get(normalise(title))
            left.pop(normalise(title), None)
            if known is None:
                known = town.records.create(actor, WARD, {"name": title})
                added.append(title)
            else:
                if known.archived is not None:
                    known = town.records.restore(actor, WARD, known.id, version=known.version)
                changed.append(known["name"])
            _keep(town, known.id, outline, source)
        rulebook.renew(town)
    return Import(tuple(added), tuple(changed), tuple(sorted(left.values())), prop)


def _keep(town: Town, id: int, outline: Outline, source: str) -> None:
    table = town.system.ward_shape
    values = {
        table.polygons: outline.to_json(),
        table.west: outline.west,
        table.south: outline.south,
        table.east: outline.east,
        table.north: outline.north,
        table.imported_at: to_microseconds(town.clock.now()),
        table.source: source[:200],
    }
    table.insert({table.ward_id: id, **values}).on_conflict(conflict_target=[table.ward_id], update=values).execute()


def _property(features: Sequence[Feature], wanted: str) -> str:
    """The property by which areas are named. Raises :class:`BadOutlines` naming those that there are."""
    known = list(dict.fromkeys(str(key) for feature in features for key in feature.properties))
    if wanted:
        if wanted in known:
            return wanted
        raise BadOutlines(f"No area of the file has a property “{wanted}”. {_listed(known)}")
    folded = {key.casefold(): key for key in reversed(known)}
    for usual in _USUAL_NAMES:
        if usual in folded:
            return folded[usual]
    raise BadOutlines(f"Say which property names the wards. {_listed(known)}")


def _listed(known: Sequence[str]) -> str:
    return f"The file has {', '.join(known[:20])}." if known else "The areas of the file have no properties at all."


def _gathered(features: Sequence[Feature], prop: str) -> Mapping[str, Outline]:
    """Outlines by name."""
    polygons: dict[str, list[Polygon]] = {}
    spelled: dict[str, str] = {}
    for place, feature in enumerate(features, start=1):
        value = feature.properties.get(prop)
        title = " ".join(str(value).split()) if isinstance(value, str | int | float) else ""
        if not title:
            raise BadOutlines(f"Area {place} of the file has no name: its property “{prop}” is empty.")
        if len(title) > _LONGEST_NAME:
            raise BadOutlines(f"The name of area {place} is longer than {_LONGEST_NAME} characters: {title[:40]}…")
        title = spelled.setdefault(normalise(title), title)
        polygons.setdefault(title, []).extend(feature.outline.polygons)
    return {title: Outline.of(parts) for title, parts in polygons.items()}


def _refuse_swapped(town: Town, outlines: Iterable[Outline]) -> None:
    """Raise :class:`BadOutlines` if what is known of the town lies in the outlines only with coordinates swapped."""
    boxes = [(each.west, each.south, each.east, each.north) for each in outlines]
    west, south = min(box[0] for box in boxes), min(box[1] for box in boxes)
    east, north = max(box[2] for box in boxes), max(box[3] for box in boxes)
    known = _known_points(town)
    inside = any(west <= x <= east and south <= y <= north for x, y in known)
    swapped = any(west <= y <= east and south <= x <= north for x, y in known)
    if swapped and not inside:
        raise BadOutlines(
            "Longitude and latitude seem to be swapped: the town's own places would lie in these wards the other way "
            "round. GeoJSON gives the longitude first."
        )


def _known_points(town: Town) -> list[tuple[float, float]]:
    """Places of the town: the middle of wards that it has, and where cases are."""
    found = [
        ((ward.outline.west + ward.outline.east) / 2, (ward.outline.south + ward.outline.north) / 2)
        for ward in rulebook.rulebook(town).wards
    ]
    actor = system("wards")
    for record_type in town.schemas.values():
        field = place_field(record_type) if record_type.is_case else None
        if field is not None and len(found) < _PLACES:
            where = {field.name: {"empty": False}}
            page = town.records.find(actor, record_type.identity, where, limit=_PLACES, fields=(field.name,))
            places = [record.values.get(field.name) for record in page.records]
            found += [(float(place.longitude), float(place.latitude)) for place in places if place is not None]
    return found


def _number(count: int, noun: str) -> str:
    return f"{count or 'no'} {noun}{'' if count == 1 else 's'}"
