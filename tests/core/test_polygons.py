"""Outlines on the map: points inside and outside, holes, and files that can't be used."""

from __future__ import annotations

import json
import math
import os
import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.cases import polygons
from townhall.cases import wards
from townhall.cases.polygons import BadOutlines
from townhall.cases.polygons import Outline
from townhall.cases.polygons import Ring
from townhall.cases.polygons import crossings
from townhall.cases.polygons import read_features
from townhall.town import Town

DATA = os.environ.get("TOWNHALL_TEST_DATA", "")
SQUARE = ((0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0), (0.0, 0.0))
HOLE = ((1.0, 1.0), (3.0, 1.0), (3.0, 3.0), (1.0, 3.0), (1.0, 1.0))


def file_of(*geometries: Any, kind: str = "FeatureCollection", **more: Any) -> bytes:
    """A file of areas called 1, 2, 3 and so on."""
    features = [
        {"type": "Feature", "properties": {"name": str(index)}, "geometry": geometry}
        for index, geometry in enumerate(geometries, start=1)
    ]
    return json.dumps({"type": kind, "features": features, **more}).encode()


def polygon(*rings: Any) -> dict[str, Any]:
    """A GeoJSON polygon."""
    return {"type": "Polygon", "coordinates": [[list(point) for point in ring] for ring in rings]}


def star(chance: random.Random, corners: int) -> Ring:
    """A ring of corners around the origin in the order of their angles: it never crosses itself."""
    angles = sorted(chance.uniform(0, math.tau) for _ in range(corners))
    points = [
        (reach * math.cos(angle), reach * math.sin(angle))
        for angle, reach in ((each, chance.uniform(0.2, 3)) for each in angles)
    ]
    return (*points, points[0])


def wound(ring: Ring, x: float, y: float) -> bool:
    """Whether a ring winds around a point: the sum of the angles under which its edges are seen."""
    total = 0.0
    for (x1, y1), (x2, y2) in pairwise(ring):
        total += math.remainder(math.atan2(y2 - y, x2 - x) - math.atan2(y1 - y, x1 - x), math.tau)
    return abs(total) > math.pi


@pytest.mark.parametrize("seed", range(40))
def test_a_point_is_inside_where_the_outline_winds_around_it(seed: int) -> None:
    """For random outlines and points the even-odd rule agrees with another definition, whatever way a ring turns."""
    chance = random.Random(seed)
    ring = star(chance, chance.randint(3, 30))
    outline, turned = Outline.of([(ring,)]), Outline.of([(ring[::-1],)])
    for _ in range(300):
        x, y = chance.uniform(-3.5, 3.5), chance.uniform(-3.5, 3.5)
        assert outline.holds(x, y) is wound(ring, x, y) is turned.holds(x, y)


@pytest.mark.parametrize("seed", range(20))
def test_neighbours_share_every_point_without_gap_or_overlap(seed: int) -> None:
    """A town cut along a line: each point of it is in exactly one half, points on the line among them."""
    chance = random.Random(seed)
    cut = [(2.0, 0.0), *((chance.uniform(0.5, 3.5), 4.0 * step / 6) for step in range(1, 6)), (2.0, 4.0)]
    west = Outline.of([((*cut, (0.0, 4.0), (0.0, 0.0), cut[0]),)])
    east = Outline.of([((*cut, (4.0, 4.0), (4.0, 0.0), cut[0]),)])
    points = [(chance.uniform(0.01, 3.99), chance.uniform(0.01, 3.99)) for _ in range(300)]
    points += [point for point in cut if 0 < point[1] < 4]
    for x, y in points:
        assert west.holds(x, y) + east.holds(x, y) == 1


def test_a_hole_is_outside_and_an_island_in_it_inside() -> None:
    """Rings count together, whatever their direction."""
    island = ((1.5, 1.5), (2.5, 1.5), (2.5, 2.5), (1.5, 2.5), (1.5, 1.5))
    outline = Outline.of([(SQUARE, HOLE[::-1]), (island,)])
    assert [outline.holds(*point) for point in ((0.5, 0.5), (1.2, 1.2), (2.0, 2.0), (5.0, 2.0))] == [
        True, False, True, False,
    ]  # fmt: skip
    assert Outline.from_json(outline.to_json()) == outline


def test_a_corner_is_crossed_once() -> None:
    """A line that runs through a corner, or along an edge, changes sides as often as it should."""
    diamond = ((0.0, -1.0), (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))
    assert crossings(diamond, 0.0, 0.0) % 2 == 1
    assert crossings(diamond, -2.0, 0.0) % 2 == 0
    assert crossings(SQUARE, -1.0, 0.0) % 2 == 0


def test_rings_are_closed_and_heights_left_out() -> None:
    """What other programs write a little differently is read all the same."""
    geometry = {"type": "MultiPolygon", "coordinates": [[[[0, 0, 9], [4, 0, 9], [4, 4, 9], [0, 4, 9]]]]}
    (feature,) = read_features(b"\xef\xbb\xbf" + file_of(geometry))
    assert feature.outline.polygons == ((SQUARE,),)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"not json", "no GeoJSON file"),
        (b"\xff\xfe", "no GeoJSON file"),
        (b"[" * 100_000, "no GeoJSON file"),
        (b"[]", "something else and no FeatureCollection"),
        (b'{"type": "Topology"}', "a Topology and no FeatureCollection"),
        (file_of(), "holds no areas"),
        (file_of(None), "Area 1 is without an outline"),
        (file_of({"type": "Point", "coordinates": [1, 2]}), "Area 1 is a Point"),
        (file_of(polygon(SQUARE), {"type": "Polygon", "coordinates": []}), "Area 2 has a polygon without rings"),
        (file_of({"type": "Polygon", "coordinates": [[]]}), "fewer than three points"),
        (file_of({"type": "MultiPolygon", "coordinates": [[]]}), "without rings"),
        (file_of({"type": "Polygon", "coordinates": [[["a", 1], [1, 1], [2, 2]]]}), "no pair of numbers"),
        (file_of({"type": "Polygon", "coordinates": [[[True, 1], [1, 1], [2, 2]]]}), "no pair of numbers"),
        (file_of({"type": "Polygon", "coordinates": [[[1], [1, 1], [2, 2]]]}), "no pair of numbers"),
        (file_of(polygon(((0, 0), (1, 1), (2, 2)))).replace(b"[2, 2]", b"[1e999, 2]"), "no pair of numbers"),
        (file_of(polygon(((1, 1), (1, 1), (1, 1)))), "no extent"),
        (file_of(polygon(((39, -184), (40, -184), (40, -185)))), "not on the earth"),
        (file_of(polygon(((39, -134), (40, -134), (40, -135)))), "seem to be swapped"),
        (file_of(polygon(((500_000, 4_400_000), (500_100, 4_400_000), (500_100, 4_400_100)))), "not on the earth"),
        (
            file_of(polygon(SQUARE), crs={"properties": {"name": "urn:ogc:def:crs:EPSG::2264"}}),
            "in urn:ogc:def:crs:EPSG::2264, not in longitude and latitude",
        ),
    ],
)
def test_a_file_that_can_not_be_used_is_told_in_a_sentence(data: bytes, sentence: str) -> None:
    """Whatever it is, and never with anything but a sentence."""
    with pytest.raises(BadOutlines) as refused:
        read_features(data)
    assert sentence in str(refused.value)


def test_a_file_is_not_larger_than_what_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Size, number of areas and number of points are limited, each with its sentence."""
    monkeypatch.setattr(polygons, "MOST_POINTS", 7)
    with pytest.raises(BadOutlines, match="more than 7 points"):
        read_features(file_of(polygon(SQUARE), polygon(SQUARE)))
    monkeypatch.setattr(polygons, "MOST_OUTLINES", 1)
    with pytest.raises(BadOutlines, match="2 areas; at most 1"):
        read_features(file_of(polygon(SQUARE), polygon(SQUARE)))
    monkeypatch.setattr(polygons, "LARGEST_FILE", 10)
    with pytest.raises(BadOutlines, match="larger than"):
        read_features(file_of(polygon(SQUARE)))


# -- in a town ------------------------------------------------------------------------------------------------------


@pytest.fixture
def town(make_town: Callable[..., Town]) -> Town:
    """A town with complaints."""
    return make_town("complaints")


def test_names_come_from_a_property_and_areas_of_one_name_are_one_ward(town: Town, administrator: Actor) -> None:
    """The usual names of it are found; any other is asked for, and all that there are are listed."""
    data = json.loads(file_of(polygon(SQUARE), polygon(SQUARE)))
    for feature, name in zip(data["features"], ("Old  Town", "old town"), strict=True):
        feature["properties"] = {"id": 3, "BEZ": name}
    text = json.dumps(data).encode()
    with pytest.raises(BadOutlines, match=r"Say which property names the wards\. The file has id, BEZ\."):
        wards.import_outlines(town, administrator, text)
    with pytest.raises(BadOutlines, match="has a property “bez”"):
        wards.import_outlines(town, administrator, text, name="bez")
    assert wards.import_outlines(town, administrator, text, name="BEZ").added == ("Old Town",)
    (line,) = wards.overview(town, system())
    assert (line.name, line.parts, line.points) == ("Old Town", 2, 10)


def test_a_second_file_changes_outlines_and_deletes_nothing(town: Town, administrator: Actor) -> None:
    """A ward that the file doesn't know stays, and is named in what came of it."""
    wards.import_outlines(town, administrator, file_of(polygon(SQUARE), polygon(HOLE)))
    done = wards.import_outlines(town, administrator, file_of(polygon(HOLE)))
    assert (done.added, done.changed, done.left) == ((), ("1",), ("2",))
    assert done.sentence == "no new wards, 1 new outline. Not in the file, and left as they were: 2."
    assert wards.ward_at(town, 0.5, 0.5) is None
    nameless = json.loads(file_of(polygon(SQUARE)))
    nameless["features"][0]["properties"]["name"] = " "
    with pytest.raises(BadOutlines, match="Area 1 of the file has no name"):
        wards.import_outlines(town, administrator, json.dumps(nameless).encode())


def test_swapped_coordinates_are_noticed_by_where_the_town_is(town: Town, administrator: Actor) -> None:
    """Both ways round can be on the earth; then the places of the town's own cases tell."""
    category = {"name": "X", "code": "x", "group": "X", "location": "optional"}
    made = town.records.create(system(), "complaints.category", category)
    place = {"latitude": "35.9", "longitude": "-79.05"}
    values = {"category": made.id, "description": "Here", "place": place}
    town.records.create(system(), "complaints.service_request", values)
    right = ((-79.1, 35.8), (-79.0, 35.8), (-79.0, 36.0), (-79.1, 36.0))
    with pytest.raises(BadOutlines, match="the other way round"):
        wards.import_outlines(town, administrator, file_of(polygon([(y, x) for x, y in right])))
    assert wards.import_outlines(town, administrator, file_of(polygon(right))).added == ("1",)


@pytest.mark.skipif(not DATA, reason="TOWNHALL_TEST_DATA names no folder of public data")
@pytest.mark.parametrize("city", ["charlottesville", "olympia", "rockville", "chapel-hill"])
def test_real_neighbourhoods_can_be_wards(city: str) -> None:
    """Outlines of real towns are read, and a point in the middle of each one's widest stretch lies inside it."""
    features = read_features((Path(DATA) / "gis" / f"{city}.geojson").read_bytes())
    assert len(features) > 10
    for feature in features:
        outline = feature.outline
        y = (outline.south + outline.north) / 2 + 1e-9
        edges = sorted(
            x1 + (y - y1) / (y2 - y1) * (x2 - x1)
            for part in outline.polygons
            for ring in part
            for (x1, y1), (x2, y2) in pairwise(ring)
            if (y1 > y) != (y2 > y)
        )
        pairs = list(zip(edges[::2], edges[1::2], strict=True))
        west, east = max(pairs, key=lambda pair: pair[1] - pair[0], default=(0.0, 0.0))
        assert not pairs or outline.holds((west + east) / 2, y)
        assert not outline.holds(outline.west - 0.001, y)
