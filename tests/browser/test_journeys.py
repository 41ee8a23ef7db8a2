"""One whole case per plugin, in a browser and through both doors, with and without JavaScript, to its end."""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Iterator
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import Any

import pytest
from browsing import Served
from browsing import sign_in
from journeys import CLERK
from journeys import OFFICE
from journeys import PHOTO
from journeys import choose
from journeys import find
from journeys import move
from journeys import open_town
from journeys import paper
from journeys import pick
from journeys import press
from journeys import rae
from journeys import send
from journeys import served
from journeys import state
from playwright.sync_api import Page
from playwright.sync_api import expect

from townhall.clock import FixedClock
from townhall.records.types import Record
from townhall.town import Town

NOW = datetime(2026, 3, 17, 16, 0, tzinfo=UTC)
PLUGINS = ("complaints", "grants", "recruitment", "economic_development")

Pages = Callable[..., Page]


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A served town with every plugin, an open round, an open job, a site and a business's contact."""
    with open_town(tmp_path_factory.mktemp("hall"), FixedClock(NOW), *PLUGINS) as town:
        set_up_grants(town)
        set_up_recruitment(town)
        set_up_development(town)
        with served(town) as answering:
            yield answering


def made(town: Town, identity: str, values: dict[str, Any], *moves: str) -> Record:
    """A record that stands in the town already."""
    record = town.records.create(OFFICE, identity, values)
    for name in moves:
        record = town.records.transition(OFFICE, identity, record.id, name, version=record.version)
    return record


def set_up_grants(town: Town) -> None:
    """A programme with a round that is open for another month."""
    programme = made(town, "grants.programme", {"name": "Community grants", "code": "COMM"})
    made(
        town,
        "grants.round",
        {
            "programme": programme.id,
            "name": "Community grants, spring",
            "opens_at": NOW - timedelta(days=3),
            "closes_at": NOW + timedelta(days=30),
            "budget": "10000",
            "max_award": "1500",
            "questions": [{"code": "why", "label": "Why does the town need it?", "type": "longtext", "required": True}],
            "criteria": [
                {"code": "need", "label": "Need", "type": "integer", "min": 0, "max": 5, "weight": 3},
                {"code": "plan", "label": "Plan", "type": "integer", "min": 0, "max": 5, "weight": 1},
            ],
        },
        "open",
    )


def set_up_recruitment(town: Town) -> None:
    """A job that is open for another three weeks."""
    made(
        town,
        "recruitment.posting",
        {
            "name": "Library helper, Saturdays",
            "description": "Help people find books.",
            "employment_type": "PART_TIME",
            "closes_at": NOW + timedelta(days=20),
            "recruiter": rae(town).id,
            "salary_text": "$19 an hour",
            "documents_required": [{"label": "Résumé", "needed": True}],
            "supplemental_questions": [
                {"code": "saturdays", "label": "Can you work on Saturdays?", "type": "boolean", "required": True}
            ],
            "criteria": [{"code": "people", "label": "With people", "type": "integer", "min": 0, "max": 5}],
        },
        "open",
    )


def set_up_development(town: Town) -> None:
    """A site on offer, and the organisation behind a business."""
    made(town, "economic_development.site", {"name": "Old mill", "kind": "land", "acreage": "2.5", "zoning": "mixed"})
    for name in ("Bridge Street Joinery", "Weir Bakery"):
        made(town, "core.contact", {"kind": "organisation", "name": name, "organisation_kind": "business"})


@pytest.fixture
def resident(hall: Served, new_page: Pages, javascript: bool) -> Page:
    """A resident's browser."""
    return new_page(hall, javascript=javascript)


@pytest.fixture
def clerk(hall: Served, new_page: Pages, javascript: bool) -> Page:
    """A clerk's browser, signed in."""
    page = new_page(hall, javascript=javascript)
    sign_in(page, CLERK)
    return page


def test_a_request_is_worked_resolved_and_opened_again(resident: Page, clerk: Page) -> None:
    """A dark lamp is reported with a photo, taken, worked, resolved with a message, reported as not fixed, and ends."""
    resident.goto("/")
    press(resident, "Street light out")
    resident.get_by_label("Where is it?").fill("12 Mill Lane")
    press(resident, "Continue")
    choose(resident, "What is wrong with it?", "It is dark")
    resident.get_by_label("What happened").fill("Dark since Sunday.")
    resident.get_by_label("Photos").set_input_files(PHOTO)
    press(resident, "Continue")
    number = send(resident, "Send report", name="Ada Archer", email="ada@example.org")
    press(resident, "See how it stands")
    step = resident.locator("[aria-current=step]")
    expect(step).to_contain_text("Received")

    # A clerk finds it among what nobody has, takes it, and reads what was sent.
    clerk.goto("/admin/")
    waiting = clerk.locator("section[aria-labelledby=free] .row").filter(has_text=number)
    waiting.get_by_role("button", name=re.compile("^Take it")).click()
    expect(clerk.get_by_role("status")).to_contain_text("It is yours now.")
    find(clerk, number)
    expect(clerk.locator(".clocks")).to_contain_text("Rae Clerk")
    expect(clerk.locator("main")).to_contain_text("Dark since Sunday.")
    photo = clerk.locator(".photos img")
    photo.scroll_into_view_if_needed()
    expect(photo).to_have_js_property("naturalWidth", 1)
    move(clerk, "Accept", lambda: choose(clerk, "Priority", "High"))
    resident.reload()
    expect(step).to_contain_text("Being looked at")
    move(clerk, "Start work")

    def done(page: Page) -> None:
        page.get_by_label("What was done").fill("New lamp.")
        page.get_by_label("Message to Ada Archer").fill("Your lamp shines again.")

    move(clerk, "Mark as resolved", lambda: done(clerk))

    # The resident reads the answer, and says that it is still dark.
    resident.reload()
    expect(resident.locator(".letters .ours").last).to_contain_text("Your lamp shines again.")
    expect(resident.get_by_role("list", name="Progress")).to_contain_text("Completed")
    expect(resident.locator("main")).to_contain_text("New lamp.")
    press(resident, "It is not fixed…")
    resident.get_by_label("Anything you want to tell us").fill("It went out again.")
    press(resident, "It is not fixed")
    expect(step).to_contain_text("Being worked on")
    find(clerk, number)
    assert state(clerk) == "In progress"
    expect(clerk.locator(".timeline")).to_contain_text("It went out again.")
    move(clerk, "Mark as resolved", lambda: done(clerk))
    move(clerk, "Close")
    assert state(clerk) == "Closed"
    expect(clerk.locator(".clocks")).to_contain_text("Closed")


def test_a_grant_is_applied_for_reviewed_and_awarded(
    hall: Served, resident: Page, clerk: Page, new_page: Pages, javascript: bool
) -> None:
    """Applied for in two sittings with a budget and a paper; reviewed, decided and awarded; the club reads it."""
    project = f"New benches {'with' if javascript else 'without'} script"
    resident.goto("/open/grants/round/")
    press(resident, "Community grants, spring")
    resident.locator("main").get_by_role("link", name=re.compile("^Apply")).first.click()
    choose(resident, "Who applies?", "A club, charity or business")
    resident.get_by_label("Name of the organisation or group").fill("Friends of Weir Park")
    press(resident, "Continue")
    resident.get_by_label("What is the project called?").fill(project)
    press(resident, "Save and return later")
    link = resident.locator("main a.link-long").inner_text()

    home = new_page(hall, javascript=javascript)
    home.goto(link)
    expect(home.get_by_label("What is the project called?")).to_have_value(project)
    home.get_by_label("What do you want to do?").fill("Two benches by the weir.")
    home.get_by_label("Starts on").fill("2026-05-01")
    home.get_by_label("Ends on").fill("2026-09-30")
    home.get_by_label("Why does the town need it?").fill("Nowhere to rest.")
    press(home, "Continue")
    home.get_by_label("What, line 1").fill("Wood")
    home.get_by_label("Cost, line 1").fill("900")
    home.get_by_role("button", name="Add a line to Budget").click()
    home.get_by_label("What, line 2").fill("Screws")
    home.get_by_label("Cost, line 2").fill("100.50")
    home.get_by_label("How much do you ask for?").fill("1200")
    press(home, "Continue")
    expect(home.get_by_role("alert")).to_contain_text("You ask for more than the budget adds up to.")
    home.get_by_label("How much do you ask for?").fill("780")
    press(home, "Continue")
    home.get_by_label("Quotes, drawings and other papers").set_input_files(paper("quote.pdf"))
    home.get_by_role("group", name="What we have written is true").get_by_text("Yes", exact=True).click()
    press(home, "Continue")
    number = send(home, "Send application", name="Halina Nowak", email="halina@example.org")
    press(home, "See how it stands")

    # The office checks it, and a colleague reviews it after saying that she has no stake in it.
    find(clerk, number)
    expect(clerk.locator("main")).to_contain_text("quote.pdf")
    expect(clerk.locator("main")).to_contain_text("$1,000.50")
    application = clerk.url
    move(clerk, "Start the check")
    move(clerk, "Send to reviewers", lambda: clerk.get_by_label("May they get this grant?").select_option("Yes"))
    press(clerk, "New conflict declaration")
    expect(clerk.get_by_label("Application").locator("option:checked")).to_contain_text(project)
    choose(clerk, "Do you have a stake in it?", "No")
    press(clerk, "Save conflict declaration")
    clerk.goto(application)
    press(clerk, "New review")
    clerk.get_by_label("Need").fill("5")
    clerk.get_by_label("Plan").fill("1")
    press(clerk, "Save review")
    expect(clerk.locator(".facts > div").filter(has_text="Weighted score")).to_contain_text("4")
    move(clerk, "Submit review", lambda: choose(clerk, "Recommendation", "Yes"))
    assert state(clerk) == "Submitted"

    # It is recommended, decided with reasons, and awarded.
    clerk.goto(application)
    move(clerk, "Recommend", lambda: clerk.get_by_label("Recommended sum").fill("780"))
    press(clerk, "New decision")
    choose(clerk, "Outcome", "Award")
    clerk.get_by_label(re.compile("^Sum")).fill("780")
    clerk.get_by_label("Reasons").fill("Everybody gains.")
    press(clerk, "Save decision")
    clerk.goto(application)

    def award() -> None:
        clerk.get_by_label("Sum awarded").fill("780")
        clerk.get_by_label("Message to Halina Nowak").fill("Congratulations.")

    move(clerk, "Award", award)
    assert state(clerk) == "Awarded"
    home.reload()
    expect(home.locator("main")).to_contain_text("You get the grant")
    expect(home.locator("main")).to_contain_text("$780.00")
    expect(home.locator(".letters .ours").last).to_contain_text("Congratulations.")

    press(clerk, "New award")
    expect(clerk.get_by_label("Project", exact=True)).to_have_value(project)
    press(clerk, "Save award")
    for step in ("Accepted", "Start", "Begin the close-out", "Close"):
        move(clerk, step)
    assert state(clerk) == "Closed"
    home.goto("/open/grants/award/")
    expect(home.locator("main")).to_contain_text(project)


def test_an_applicant_is_hired(resident: Page, clerk: Page, javascript: bool) -> None:
    """A job is applied for with papers; screened, asked for one more, interviewed, scored, offered and filled."""
    name = "Tomás Reyes" if javascript else "Ines Marsh"
    resident.goto("/open/recruitment/posting/")
    press(resident, "Library helper, Saturdays")
    resident.locator("main").get_by_role("link", name=re.compile("^Apply")).first.click()
    resident.get_by_label("Why do you want this job?").fill("I love books.")
    press(resident, "Continue")
    resident.get_by_label("Employer, line 1").fill("Book shop")
    resident.get_by_label("What you did, line 1").fill("Sold books")
    resident.get_by_label("Résumé").set_input_files(paper("resume.pdf"))
    press(resident, "Continue")
    choose(resident, "Can you work on Saturdays?", "Yes")
    resident.get_by_label("What would help you in an interview?").fill("A ground-floor room.")
    resident.get_by_role("group", name="What I have written is true").get_by_text("Yes", exact=True).click()
    press(resident, "Continue")
    number = send(resident, "Send application", name=name, email=f"{name.split()[0].casefold()}@example.org")
    press(resident, "See how it stands")

    find(clerk, number)
    expect(clerk.locator("main")).to_contain_text("resume.pdf")
    expect(clerk.locator("main")).not_to_contain_text("A ground-floor room.")
    move(clerk, "Ask for missing papers", lambda: clerk.get_by_label("What is missing").fill("Your certificate."))

    # The applicant adds the paper and says so.
    resident.reload()
    expect(resident.locator("main")).to_contain_text("Your certificate.")
    press(resident, "Change or add something")
    resident.get_by_role("link", name=re.compile("What you bring$")).click()
    expect(resident.get_by_label("Employer, line 1")).to_have_value("Book shop")
    resident.get_by_label("Other papers").set_input_files(paper("certificate.pdf"))
    press(resident, "Continue")
    press(resident, "Save changes")
    press(resident, "I have added the papers…")
    press(resident, "I have added the papers")
    expect(resident.locator("[aria-current=step]")).to_contain_text("Under review")

    find(clerk, number)
    expect(clerk.locator("main")).to_contain_text("certificate.pdf")
    application = clerk.url
    move(clerk, "Has what is needed")
    move(clerk, "Invite to an interview")
    press(clerk, "New interview")
    clerk.get_by_label("Starts").fill("2026-03-20T10:00")
    clerk.get_by_label("Ends").fill("2026-03-20T11:00")
    pick(clerk, "Who, line 1", "Rae Clerk", javascript)
    press(clerk, "Save interview")
    press(clerk, "New scorecard")
    clerk.get_by_label("With people").fill("4")
    choose(clerk, "Recommendation", "Hire")
    press(clerk, "Save scorecard")
    clerk.goto(application)
    move(clerk, "Make an offer")
    press(clerk, "New job offer")
    clerk.get_by_label("Pay", exact=True).fill("19.50")
    choose(clerk, "Per", "Hour")
    clerk.get_by_label("First day").fill("2026-05-01")
    clerk.get_by_label("Last day to answer").fill("2026-04-01")
    press(clerk, "Save job offer")
    move(clerk, "Accepted", lambda: clerk.get_by_label("What they said").fill("Gladly."))
    assert state(clerk) == "Accepted"
    clerk.goto(application)
    move(clerk, "Hire", lambda: clerk.get_by_label("First day").fill("2026-05-01"))
    assert state(clerk) == "Hired"
    resident.reload()
    expect(resident.locator("main")).to_contain_text("You have the job")


def test_a_business_is_visited_and_its_warning_sign_followed_up(clerk: Page, javascript: bool) -> None:
    """A business is added and visited; it thinks of leaving; the warning sign is looked after until it ends."""
    name = "Bridge Street Joinery" if javascript else "Weir Bakery"
    clerk.goto("/admin/economic_development/business/")
    press(clerk, "New business")
    pick(clerk, "Organisation", name, javascript)
    clerk.get_by_label("Name on the door").fill(name)
    press(clerk, "Save business")
    business = clerk.url
    press(clerk, "New business visit")
    clerk.get_by_label("Starts").fill("2026-03-17T11:00")
    clerk.get_by_label("Trouble with suppliers").fill("The sawmill closed.")
    press(clerk, "Save business visit")

    def told() -> None:
        clerk.get_by_label("Summary").fill("They think of moving.")
        clerk.get_by_text("Move", exact=True).click()

    move(clerk, "Visit was made", told)
    visit = clerk.url
    sign = clerk.locator("main").get_by_role("link", name=re.compile("^Moving or closing")).first
    sign.click()
    expect(clerk.locator("main")).to_contain_text("High")
    move(clerk, "Start", lambda: clerk.get_by_label("What we do").fill("Look for room in the old mill."))
    move(clerk, "Resolve", lambda: clerk.get_by_label("How it ended").fill("They found room and stay."))
    assert state(clerk) == "Resolved"
    clerk.goto(visit)
    move(clerk, "Follow up")
    move(clerk, "Close")
    assert state(clerk) == "Closed"
    clerk.goto(business)
    expect(clerk.locator("main")).to_contain_text("Moving or closing")


def test_a_prospect_is_won(resident: Page, clerk: Page, javascript: bool) -> None:
    """Somebody tells the town of a plan for a site; the prospect gets a code name, and is led to won."""
    resident.goto("/open/economic_development/site/")
    press(resident, "Old mill")
    resident.locator("main").get_by_role("link", name="Tell us what you plan").first.click()
    resident.get_by_label("Tell us about it").fill("A bakery with a shop.")
    resident.get_by_label("How many jobs?").fill("12")
    press(resident, "Continue")
    resident.get_by_text("Land", exact=True).click()
    resident.get_by_label("Land, at least").fill("1.5")
    press(resident, "Continue")
    number = send(resident, "Send", name="Ewa Marsh", email="ewa@example.org")
    press(resident, "See how it stands")

    find(clerk, number)
    expect(clerk.locator("main")).to_contain_text("Old mill")
    code = "Heron" if javascript else "Swift"
    move(clerk, "Qualify", lambda: clerk.get_by_label("Code name").fill(code))
    expect(clerk.get_by_role("heading", level=1)).to_have_text(f"Prospect {code}")
    for step in ("Send a proposal", "Site visit", "Negotiate"):
        move(clerk, step)
    move(clerk, "They commit", lambda: clerk.get_by_label("How much will be invested?").fill("$250,000"))
    resident.reload()
    expect(resident.locator("[aria-current=step]")).to_contain_text("Agreed")
    move(clerk, "Won", lambda: clerk.get_by_label("How it ended").fill("They build at the old mill."))
    assert state(clerk) == "Won"
    resident.reload()
    expect(resident.get_by_role("list", name="Progress")).to_contain_text("Done")
