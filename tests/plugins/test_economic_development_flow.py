"""Economic development, through records: a business visited, a warning sign followed up, a prospect won."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from staff_client import main_of
from staff_client import plain
from staff_client import staff_client

from townhall import Actor
from townhall import NotFound
from townhall import Record
from townhall import Rejected
from townhall import ValidationFailed
from townhall import system
from townhall.access.actors import ANONYMOUS
from townhall.accounts import people
from townhall.clock import FixedClock
from townhall.town import Town

BUSINESS = "economic_development.business"
VISIT = "economic_development.visit"
RED_FLAG = "economic_development.red_flag"
PROSPECT = "economic_development.prospect"
SITE = "economic_development.site"
PROSPECTS = "/admin/economic_development/prospect/"


@pytest.fixture
def development(make_town: Callable[..., Town]) -> Town:
    """A town with economic development."""
    return make_town("economic_development")


@pytest.fixture
def business(development: Town, clerk: Actor) -> Record:
    """A joinery in town."""
    contact = {"kind": "organisation", "name": "Bridge Street Joinery", "organisation_kind": "business"}
    organisation = development.records.create(clerk, "core.contact", contact)
    values = {"contact": organisation.id, "trade_name": "Bridge Street Joinery", "naics": "337110"}
    return development.records.create(clerk, BUSINESS, values)


def move(town: Town, actor: Actor, record: Record, name: str, **values: Any) -> Record:
    """Make a move."""
    return town.records.transition(actor, record.identity, record.id, name, values, version=record.version)


def test_an_organisation_is_one_business(development: Town, clerk: Actor, business: Record) -> None:
    """A business belongs to one organisation, and an organisation to one business."""
    with pytest.raises(ValidationFailed) as refused:
        development.records.create(clerk, BUSINESS, {"contact": business["contact"], "trade_name": "Twice"})
    assert "contact" in refused.value.errors


def test_a_day_that_comes_up_has_no_hour(development: Town, clerk: Actor, clock: FixedClock) -> None:
    """Next steps stand under “Coming up” by their day, also that of today, and not at midnight."""
    today = clock.now().astimezone(development.zone).date()
    for name, day in (("Heron", today), ("Egret", today + timedelta(days=2)), ("", today)):
        values = {"code_name": name, "next_step": "Call", "next_step_on": day}
        development.records.create(clerk, PROSPECT, values)
    home = main_of(staff_client(development).get("/admin/")).partition("Coming up")[2]
    assert "Prospect Heron: Call Today today" in home
    later = today + timedelta(days=2)
    assert f"Prospect Egret: Call {later:%a} {later.day} {later:%b} in 2 d" in home
    assert "Prospect PR-2026-0003: Call Today" in home
    assert "00:00" not in home


def test_the_only_survey_is_chosen(development: Town, clerk: Actor, business: Record) -> None:
    """A new visit begins with the questions of the only survey that is in use; with two, somebody chooses."""
    questions = [{"code": "plans_here", "label": "What do you plan here?", "type": "text"}]
    survey = {"name": "Standard", "questions": questions}
    for old in development.records.find(clerk, "economic_development.survey").records:
        changed = {"active": False}
        development.records.update(clerk, "economic_development.survey", old.id, changed, version=old.version)
    development.records.create(clerk, "economic_development.survey", survey)
    desk = staff_client(development)
    url = "/admin/economic_development/visit/new"
    assert "What do you plan here?" in main_of(desk.get(url))
    development.records.create(clerk, "economic_development.survey", {**survey, "name": "Short"})
    assert "What do you plan here?" not in main_of(desk.get(url))


def test_a_business_that_is_there_twice(development: Town, clerk: Actor, business: Record, clock: FixedClock) -> None:
    """Its organisations are merged once the two businesses are; the visits of both are those of one, and its page says
    what was merged into it.
    """
    records = development.records
    twin = records.create(clerk, "core.contact", {"kind": "organisation", "name": "Bridge St. Joinery"})
    second = records.create(clerk, BUSINESS, {"contact": twin.id, "trade_name": "Bridge St.", "revenue_band": "2m_10m"})
    visit = records.create(clerk, VISIT, {"business": second.id, "starts": clock.now()})

    def versions(identity: str, *ids: int) -> tuple[int, int]:
        kept, other = (records.get(system(), identity, id).version for id in ids)
        return kept, other

    contacts = business["contact"], twin.id
    with pytest.raises(Rejected, match=r"Business “Bridge St\.” can't name the kept one"):
        records.merge(clerk, "core.contact", *contacts, versions=versions("core.contact", *contacts))
    both = business.id, second.id
    records.merge(clerk, BUSINESS, *both, versions=versions(BUSINESS, *both))
    records.merge(clerk, "core.contact", *contacts, versions=versions("core.contact", *contacts))
    kept = records.get(system(), BUSINESS, business.id)
    assert (kept["contact"], kept["revenue_band"], kept["naics"]) == (business["contact"], "2m_10m", "337110")
    assert records.get(system(), VISIT, visit.id)["business"] == business.id
    page = staff_client(development).get(f"/admin/economic_development/business/{business.id}/")
    assert "Merged into this 1 Bridge St." in plain(page)


def test_industry_codes_have_two_to_six_digits(development: Town, clerk: Actor, business: Record) -> None:
    """A wrong industry code is refused with an example."""
    with pytest.raises(ValidationFailed) as refused:
        development.records.update(clerk, BUSINESS, business.id, {"naics": "joinery"}, version=business.version)
    assert refused.value.errors["naics"] == "Enter two to six digits, like 722511."


def test_a_visit_raises_warning_signs_that_are_followed_up(
    development: Town, clerk: Actor, business: Record, clock: FixedClock
) -> None:
    """What a business says raises warning signs; once the visit was made each is a case, opened once."""
    rae = people.add(development, system(), "rae@town.example", name="Rae", role="clerk", password="bench-and-weir-9")
    visit = development.records.create(
        clerk, VISIT, {"business": business.id, "starts": clock.now(), "visitor": rae.id, "plans": ["none"]}
    )
    assert visit["red_flags"] in ((), None)
    visit = development.records.update(
        clerk,
        VISIT,
        visit.id,
        {"plans": ["relocate"], "supplier_issues": "The sawmill closed."},
        version=visit.version,
    )
    assert visit["red_flags"] == ("moving_closing", "suppliers")
    visit = move(development, clerk, visit, "finish", summary="They think of moving.")
    flags = development.records.find(clerk, RED_FLAG, {"business": business.id}).records
    assert {flag["kind"] for flag in flags} == {"moving_closing", "suppliers"}
    urgent = next(flag for flag in flags if flag["kind"] == "moving_closing")
    assert urgent["urgency"] == "high"
    assert urgent.due is not None
    urgent = move(development, clerk, urgent, "start")
    urgent = move(development, clerk, urgent, "resolve", resolution="They found room in the old mill.")
    assert urgent.closed is not None
    visit = move(development, clerk, visit, "follow_up")
    assert move(development, clerk, visit, "close").state == "closed"


def test_a_prospect_is_won_under_its_code_name(development: Town, clerk: Actor) -> None:
    """A prospect goes by its code name; its chance follows its stage; the real name stays confidential."""
    prospect = development.records.create(
        clerk, PROSPECT, {"code_name": "Heron", "name": "Acme Foods", "kind": "new", "jobs": 40, "capex": "2500000"}
    )
    assert prospect.title == "Prospect Heron"
    assert "name" not in prospect.values
    chances = [int(prospect["probability"])]
    for name in ("qualify", "propose", "visit", "negotiate", "commit"):
        visit = {"visit_at": "2026-04-01T10:00"} if name == "visit" else {}
        prospect = move(development, clerk, prospect, name, **visit)
        chances.append(int(prospect["probability"]))
    assert chances == sorted(chances)
    (event,) = development.records.find(clerk, "core.event").records
    assert (event["name"], event["kind"], event["about"].id) == ("Site visit, Heron", "visit", prospect.id)
    with pytest.raises(ValidationFailed):
        move(development, clerk, prospect, "win")
    prospect = move(development, clerk, prospect, "win", outcome="They build on the old mill site.")
    assert int(prospect["probability"]) == 100
    hits, _ = development.records.search(clerk, "Acme")
    assert not hits


def test_the_public_tells_what_it_plans(development: Town) -> None:
    """The public form makes a prospect with its contact."""
    sent = development.records.create(
        ANONYMOUS,
        PROSPECT,
        {"kind": "new", "description": "A bakery.", "jobs": 3, "space_kind": ["suite"], "floor_area_min": 900},
        form="public",
        contact={"name": "Ewa Marsh", "email": "ewa@post.example"},
    )
    stored = development.records.get(system(), PROSPECT, sent.id)
    assert stored.state == "inquiry"
    assert stored["contact"] is not None


def test_sites_are_public_until_off_the_market(development: Town, clerk: Actor) -> None:
    """Everyone sees an available site and never its owner; off the market it is gone."""
    owner = development.records.create(clerk, "core.contact", {"kind": "person", "family_name": "Weir"})
    values = {"name": "Old mill", "kind": "land", "acreage": "2.5", "zoning": "mixed", "owner": owner.id}
    site = development.records.create(clerk, SITE, values)
    seen = development.records.get(ANONYMOUS, SITE, site.id)
    assert str(seen["acreage"]) in {"2.5", "2.50"}
    assert "owner" not in seen.values
    development.records.update(clerk, SITE, site.id, {"status": "off_market"}, version=site.version)
    with pytest.raises(NotFound):
        development.records.get(ANONYMOUS, SITE, site.id)


def test_an_agreement_names_a_business_or_a_prospect(development: Town, clerk: Actor, business: Record) -> None:
    """An incentive agreement needs one of the two, and is completed or paid back."""
    incentive = development.records.create(
        clerk,
        "economic_development.incentive",
        {"name": "Facade grant", "kind": "grant", "rules": "Half of the cost, up to 5,000."},
    )
    values = {"incentive": incentive.id, "value": "5000", "starts_on": "2026-04-01", "ends_on": "2028-03-31"}
    with pytest.raises(ValidationFailed) as refused:
        development.records.create(clerk, "economic_development.incentive_agreement", values)
    assert refused.value.errors == {"business": "Choose a business or a prospect."}
    development.records.create(clerk, "economic_development.incentive_agreement", {**values, "business": business.id})


def test_the_industry_follows_from_the_code(development: Town, clerk: Actor, business: Record) -> None:
    """The first two digits name the sector; a code that there isn't names none."""
    assert business["industry"] == "Manufacturing"
    changed = development.records.update(clerk, BUSINESS, business.id, {"naics": "722511"}, version=business.version)
    assert changed["industry"] == "Accommodation and food services"
    unknown = development.records.update(clerk, BUSINESS, business.id, {"naics": "99"}, version=changed.version)
    assert unknown["industry"] is None


def test_sites_that_meet_every_wish_stand_on_a_prospects_page(development: Town, clerk: Actor) -> None:
    """Kind, size, zoning and needs must all be met; what is off the market is never shown."""
    common = {"kind": "land", "status": "available", "zoning": "light_industrial", "utilities": ["water", "gas"]}
    for name, more in (
        ("Mill field", {"acreage": "3"}),
        ("Weir field", {"acreage": "2"}),
        ("Small field", {"acreage": "1"}),
        ("Dry field", {"acreage": "5", "utilities": ["gas"]}),
        ("Sold field", {"acreage": "4", "status": "off_market"}),
        ("Old shop", {"acreage": "4", "kind": "building", "floor_area": 900}),
        ("Far field", {"acreage": "6", "zoning": "residential"}),
    ):
        development.records.create(clerk, SITE, {**common, "name": name, **more})
    wishes = {"space_kind": ["land"], "acreage_min": "1.5", "zoning": ["light_industrial"], "needs": ["water"]}
    prospect = development.records.create(clerk, PROSPECT, {"kind": "new", "code_name": "Heron", **wishes})
    (panel,) = development.plugins.record_panels(clerk, prospect)
    assert [row.text for row in panel.rows] == ["Weir field", "Mill field"]
    vague = development.records.create(clerk, PROSPECT, {"kind": "new", "code_name": "Swift"})
    (panel,) = development.plugins.record_panels(clerk, vague)
    assert (panel.rows, panel.empty) == ((), "Say first how much room it needs, and of what kind.")


def test_the_pipeline_counts_prospects_by_stage(development: Town, clerk: Actor) -> None:
    """Each stage with its jobs, those to be expected, and the investment; each leads to its prospects."""
    for name, jobs, capex in (("Heron", 10, "250000"), ("Swift", 30, "50000")):
        prospect = {"kind": "new", "code_name": name, "jobs": jobs, "capex": capex}
        record = development.records.create(clerk, PROSPECT, prospect)
        move(development, clerk, record, "qualify")
    rae = staff_client(development)
    page = rae.get("/admin/economic_development/pipeline/")
    assert "Qualified 2 40 6 $300,000.00" in plain(page)
    listed = rae.get("/admin/economic_development/prospect/?view=all&state=qualified")
    assert ("Heron" in listed.text, "Swift" in listed.text) == (True, True)


def test_next_steps_stand_on_the_calendar_and_the_desk(development: Town, clerk: Actor) -> None:
    """What is to be done next about a prospect, and by when, is before the eyes of whoever has it."""
    rae = staff_client(development)
    me = development.context(system()).staff()[0].id
    step = {"next_step": "Send the plans", "next_step_on": development.today().isoformat()}
    heron = {"kind": "new", "code_name": "Heron", "assignee": me, **step}
    development.records.create(clerk, PROSPECT, heron)
    assert "Next steps with prospects Prospect Heron: Send the plans" in plain(rae.get("/admin/"))
    assert "Prospect Heron: Send the plans" in plain(rae.get("/admin/calendar/"))
    late = {"next_step": "Call back", "next_step_on": (development.today() - timedelta(days=3)).isoformat()}
    development.records.create(clerk, PROSPECT, {"kind": "new", "code_name": "Ibis", "assignee": me, **late})
    steps = plain(rae.get("/admin/")).partition("Next steps with prospects")[2]
    assert re.match(r" Prospect Ibis: Call back [\w ]+, late Prospect Heron", steps), steps[:120]


@pytest.mark.parametrize(
    ("moves", "last"),
    [
        (("qualify", "negotiate"), ("win", {"outcome": "They come in spring."})),
        ((), ("lose", {"lost_reason": "cost"})),
    ],
)
def test_a_prospect_that_is_over_has_no_next_step(
    development: Town, clerk: Actor, clock: FixedClock, moves: tuple[str, ...], last: tuple[str, dict[str, str]]
) -> None:
    """Won or lost, nobody is reminded any more, on its page or in a list, until it is open again."""
    day = clock.now().date() - timedelta(days=3)
    values = {"code_name": "Heron", "next_step": "Call the broker", "next_step_on": day}
    prospect = development.records.create(clerk, PROSPECT, values)
    for name in moves:
        prospect = move(development, clerk, prospect, name)
    desk = staff_client(development)
    url = f"{PROSPECTS}{prospect.id}/"
    shown = f"{day:%-d %b}"
    assert "Call the broker" in main_of(desk.get(url))
    assert shown in main_of(desk.get(f"{PROSPECTS}?view=all"))
    over = move(development, clerk, prospect, last[0], **last[1])
    assert (over["next_step"], over["next_step_on"]) == (None, None)
    assert "Next step" not in main_of(desk.get(url)).partition("Everything that happened")[0]
    assert shown not in main_of(desk.get(f"{PROSPECTS}?view=all"))
    assert "Call the broker" in plain(desk.get(f"{url}history"))
    late = {"next_step": "Once more", "next_step_on": day}
    changed = development.records.update(clerk, PROSPECT, over.id, {**late, "jobs": 4}, version=over.version)
    assert (changed["next_step"], changed["next_step_on"], changed["jobs"]) == (None, None, 4)
    again = move(development, clerk, changed, "reopen")
    told = development.records.update(clerk, PROSPECT, again.id, late, version=again.version)
    assert told["next_step_on"] == day
