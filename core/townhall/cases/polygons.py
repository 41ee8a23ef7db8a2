"""Outlines on the map: reading them from GeoJSON, and whether a point lies inside. Knows nothing of a town.

A polygon is an outer ring and perhaps holes, each a closed line of points ``(longitude, latitude)`` in degrees
(WGS 84), as in RFC 7946. Whether a point is inside is decided by the even-odd rule: a line from the point to the east
crosses the rings an odd number of times. Over all rings at once that is right for holes, and for several polygons that
don't overlap.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from townhall.errors import TownhallError
from townhall_forms.reading import read_json

Point = tuple[float, float]
Ring = tuple[Point, ...]
Polygon = tuple[Ring, ...]

#: Most bytes of a file, most outlines in it, and most points of all of them.
LARGEST_FILE = 20_000_000
MOST_OUTLINES = 1_000
MOST_POINTS = 500_000
_KINDS = ("Polygon", "MultiPolygon")
#: Below this share of a degree nothing is told apart; outlines smaller than that are no part of a town.
_SMALLEST = 1e-7


class BadOutlines(TownhallError):
    """A file of outlines can't be used; the message says where and why, and what to do."""


@dataclass(frozen=True, slots=True)
class Outline:
    """The outline of one area: its polygons and the box around them, in degrees."""

    polygons: tuple[Polygon, ...]
    west: float
    south: float
    east: float
    north: float

    @classmethod
    def of(cls, polygons: Sequence[Polygon]) -> Outline:
        """The outline of polygons, of which there is at least one."""
        points = [point for polygon in polygons for ring in polygon for point in ring]
        across, along = [point[0] for point in points], [point[1] for point in points]
        return cls(tuple(polygons), min(across), min(along), max(across), max(along))

    def holds(self, longitude: float, latitude: float) -> bool:
        """Whether the point lies inside. Of areas side by side, a point on their common edge is in one only."""
        if not (self.west <= longitude <= self.east and self.south <= latitude <= self.north):
            return False
        inside = False
        for polygon in self.polygons:
            for ring in polygon:
                if crossings(ring, longitude, latitude) % 2:
                    inside = not inside
        return inside

    def to_json(self) -> str:
        """The coordinates of a GeoJSON MultiPolygon."""
        return json.dumps(self.polygons, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Outline:
        """What :meth:`to_json` wrote."""
        return cls.of([tuple(tuple((x, y) for x, y in ring) for ring in polygon) for polygon in json.loads(text)])


def crossings(ring: Ring, longitude: float, latitude: float) -> int:
    """How often a line from the point to the east crosses the ring.

    An edge counts where one end lies above the point's latitude and the other doesn't, so that a corner at exactly that
    latitude is crossed once and not twice (W. R. Franklin, PNPOLY).
    """
    count = 0
    before = ring[-1]
    for here in ring:
        if (here[1] > latitude) != (before[1] > latitude):
            share = (latitude - here[1]) / (before[1] - here[1])
            if longitude < here[0] + share * (before[0] - here[0]):
                count += 1
        before = here
    return count


# -- reading --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Feature:
    """One area of a file: what is said about it, and its outline."""

    properties: Mapping[str, Any]
    outline: Outline


def read_features(data: bytes) -> list[Feature]:
    """The areas of a GeoJSON FeatureCollection. Raises :class:`BadOutlines`."""
    if len(data) > LARGEST_FILE:
        raise BadOutlines(f"The file is larger than {LARGEST_FILE // 1_000_000} MB. Simplify the outlines first.")
    try:
        document = read_json(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError) as error:
        raise BadOutlines("This is no GeoJSON file: it can't be read as JSON. Export it again as GeoJSON.") from error
    if not isinstance(document, dict) or document.get("type") != "FeatureCollection":
        kind = document.get("type") if isinstance(document, dict) else None
        raise BadOutlines(
            f"The file holds {f'a {kind}' if isinstance(kind, str) else 'something else'} and no FeatureCollection. "
            "Export the whole layer as GeoJSON."
        )
    _refuse_other_system(document)
    features = document.get("features")
    if not isinstance(features, list) or not features:
        raise BadOutlines("The file holds no areas. Export the layer of wards, not an empty selection.")
    if len(features) > MOST_OUTLINES:
        raise BadOutlines(f"The file holds {len(features)} areas; at most {MOST_OUTLINES} can be wards.")
    reader = _Reader()
    return [reader.feature(feature, place) for place, feature in enumerate(features, start=1)]


def _refuse_other_system(document: Mapping[str, Any]) -> None:
    """Files from before RFC 7946 may name another system of coordinates."""
    crs = document.get("crs")
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    if isinstance(name, str) and not any(known in name for known in ("CRS84", "4326", "WGS84", "WGS 84")):
        raise BadOutlines(
            f"Its coordinates are in {name[:80]}, not in longitude and latitude. Export it again in WGS 84 (EPSG:4326)."
        )


class _Reader:
    """Reads the areas of one file, and keeps count of their points."""

    def __init__(self) -> None:
        self.points = 0

    def feature(self, feature: Any, place: int) -> Feature:
        """One area. Raises :class:`BadOutlines`, naming its place in the file."""
        where = f"Area {place}"
        if not isinstance(feature, dict) or feature.get("type") != "Feature":
            raise BadOutlines(f"{where} of the file is no Feature.")
        geometry = feature.get("geometry")
        kind = geometry.get("type") if isinstance(geometry, dict) else None
        if not isinstance(geometry, dict) or kind not in _KINDS:
            raise BadOutlines(
                f"{where} is {f'a {kind}' if isinstance(kind, str) else 'without an outline'}; "
                "a ward is a Polygon or a MultiPolygon."
            )
        given = geometry.get("coordinates")
        parts = [given] if kind == "Polygon" else given
        if not isinstance(parts, list) or not parts:
            raise BadOutlines(f"{where} has no coordinates.")
        outline = Outline.of([self.polygon(part, where) for part in parts])
        if outline.east - outline.west < _SMALLEST or outline.north - outline.south < _SMALLEST:
            raise BadOutlines(f"{where} has no extent: all its points lie on one line.")
        properties = feature.get("properties")
        return Feature(properties if isinstance(properties, dict) else {}, outline)

    def polygon(self, part: Any, where: str) -> Polygon:
        """One polygon: its outer ring and holes."""
        if not isinstance(part, list) or not part:
            raise BadOutlines(f"{where} has a polygon without rings.")
        return tuple(self.ring(ring, where) for ring in part)

    def ring(self, ring: Any, where: str) -> Ring:
        """One ring, closed."""
        if not isinstance(ring, list) or len(ring) < 3:
            raise BadOutlines(f"{where} has a ring of fewer than three points.")
        self.points += len(ring)
        if self.points > MOST_POINTS:
            raise BadOutlines(f"The outlines have more than {MOST_POINTS:,} points. Simplify them first.")
        points = tuple(self.positions(ring, where))
        return points if points[0] == points[-1] else (*points, points[0])

    def positions(self, ring: Sequence[Any], where: str) -> Iterator[Point]:
        """The points of a ring; heights are left out."""
        for position in ring:
            if (
                not isinstance(position, list)
                or len(position) < 2
                or not all(isinstance(each, int | float) and not isinstance(each, bool) for each in position[:2])
            ):
                raise BadOutlines(f"{where} has a point that is no pair of numbers.")
            try:
                longitude, latitude = float(position[0]), float(position[1])
            except OverflowError:
                longitude = latitude = math.inf
            if not (math.isfinite(longitude) and math.isfinite(latitude)):
                raise BadOutlines(f"{where} has a point that is no pair of numbers.")
            if abs(latitude) > 90 and abs(longitude) <= 90 and abs(latitude) <= 180:
                raise BadOutlines(
                    f"{where} has a latitude of {latitude:g}: longitude and latitude seem to be swapped. "
                    "GeoJSON gives the longitude first."
                )
            if abs(longitude) > 180 or abs(latitude) > 90:
                raise BadOutlines(
                    f"{where} has the point {longitude:g}, {latitude:g}, which is not on the earth. "
                    "Export it again in longitude and latitude (WGS 84, EPSG:4326)."
                )
            yield longitude, latitude
