"""Potholes are reported, measured, filled and reported again."""

from datetime import timedelta

import pytest

from townhall import Actor
from townhall import Rejected

POTHOLE = "potholes.pothole"
HALINA = {"name": "Halina Nowak", "email": "halina@post.example"}


def test_a_hole_is_reported_filled_and_comes_back(town, clock, clerk: Actor, resident: Actor) -> None:
    """A resident reports it without an account, a crew fills it, and the contact's page says how long that took."""
    sent = town.records.create(
        resident, POTHOLE, {"street": "Bridge Street 12", "depth": "10"}, form="public", contact=HALINA
    )
    hole = town.records.get(clerk, POTHOLE, sent.id)
    assert (hole.state, hole["severity"]) == ("reported", "dangerous")
    crew = town.records.find(clerk, "potholes.crew", {"name": "North crew"}).records[0]
    hole = town.records.transition(clerk, POTHOLE, hole.id, "schedule", {"crew": crew.id}, version=hole.version)
    clock.move(timedelta(days=3))
    hole = town.records.transition(clerk, POTHOLE, hole.id, "fill", {"filled_on": town.today()}, version=hole.version)
    contact = town.records.get(clerk, "core.contact", hole["reporter"])
    (panel,) = town.plugins.record_panels(clerk, contact)
    assert [(row.text, row.note) for row in panel.rows] == [("Bridge Street 12", "filled after 3 days")]
    assert town.records.transition(clerk, POTHOLE, hole.id, "again", version=hole.version).state == "reported"


@pytest.mark.parametrize(
    ("depth", "width", "expected"), [(None, 30, "unknown"), (3, 30, "minor"), (8, 5, "dangerous"), (4, 60, "dangerous")]
)
def test_severity_follows_from_the_measures(samples, depth: int | None, width: int, expected: str) -> None:
    """Deep ones are dangerous, and wide ones from half that depth on."""
    values = {"street": "Mill Lane 3", "depth": depth, "width": width}
    assert samples.record(POTHOLE, values)["severity"] == expected


def test_no_hole_was_filled_tomorrow(town, samples, clerk: Actor) -> None:
    """A day that is still to come is refused, at its field."""
    hole = samples.record(POTHOLE)
    tomorrow = town.today() + timedelta(days=1)
    with pytest.raises(Rejected, match="still to come") as refused:
        town.records.update(clerk, POTHOLE, hole.id, {"filled_on": tomorrow}, version=hole.version)
    assert refused.value.field == "filled_on"


def test_residents_find_the_form(visitor) -> None:
    """The form stands among the town's services, and is found by what people call it."""
    assert "Report a pothole" in visitor.get("/").text
    assert "Report a pothole" in visitor.get("/search?q=hole").text
