"""Economic development for the demo town: businesses, visits and warning signs, prospects in all stages, sites."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from townhall.demo import Demo
    from townhall.records.types import Record

BUSINESS = "economic_development.business"
PROSPECT = "economic_development.prospect"
RED_FLAG = "economic_development.red_flag"
SITE = "economic_development.site"
VISIT = "economic_development.visit"

#: Organisation, what it does, industry code, sector, people.
BUSINESSES = (
    ("Bridge Street Joinery", "Windows, doors and stairs", "321911", "manufacturing", 18),
    ("The Copper Kettle", "Café", "722515", "food", 7),
    ("Foundry Lane Workshops", "Metal parts for farm machines", "332710", "manufacturing", 64),
    ("Tanner & Daughters", "Leather goods", "316998", "manufacturing", 12),
    ("Lock Street Bakery", "Bread and cakes", "311811", "food", 15),
    ("Quarry Road Garage", "Repairs of cars and vans", "811111", "other", 9),
    ("Meadow Way Care Home", "Care for older people", "623110", "health", 85),
    ("Saddler’s Yard Bikes", "Bicycles and repairs", "459110", "retail", 4),
    ("Orchard Press", "Printing", "323111", "manufacturing", 21),
    ("Brook & Stone Landscapes", "Gardens and paving", "561730", "construction", 26),
    ("Chapel Hill Dental", "Dentists", "621210", "health", 11),
    ("Cooper Street Laundry", "Laundry", "812320", "other", 6),
    ("Beacon Robotics", "Robots for packing", "333998", "technology", 38),
)
#: Name, kind, acres, square feet, zoning, what is there, rent or price.
SITES = (
    ("Old mill, Weir Street", "building", "1.20", 24000, "mixed", ("water", "sewer", "power"), "lease"),
    ("Quarry field", "land", "8.50", None, "light_industrial", ("water", "power"), "sale"),
    ("Market Square 7", "suite", None, 900, "commercial", ("water", "sewer", "power", "broadband"), "lease"),
    ("Former bus garage", "building", "2.00", 18000, "light_industrial", ("water", "sewer", "power", "gas"), "sale"),
    ("Station Road plot 3", "land", "2.75", None, "commercial", ("water", "sewer", "broadband"), "both"),
    ("Bridge Street 12, first floor", "suite", None, 2100, "commercial", ("water", "power", "broadband"), "lease"),
    ("Foundry yard", "land", "4.10", None, "heavy_industrial", ("water", "sewer", "power", "gas"), "sale"),
)
_FAR = ("qualify", "propose", "visit", "negotiate")
#: Moves of the prospects and how many of each.
PROSPECTS: tuple[tuple[tuple[str, ...], int], ...] = (
    ((), 6),
    (("qualify",), 5),
    (("qualify", "propose"), 5),
    (("qualify", "propose", "visit"), 4),
    (_FAR, 4),
    ((*_FAR, "commit"), 3),
    ((*_FAR, "commit", "win"), 7),
    (("qualify", "lose"), 6),
    ((*_FAR, "lose"), 4),
    (("qualify", "hold"), 3),
)
CODE_NAMES = (
    "Heron", "Willow", "Granite", "Lantern", "Otter", "Juniper", "Anchor", "Kestrel", "Maple", "Copper", "Badger",
    "Comet", "Drift", "Ember", "Fern", "Glacier", "Harbour", "Ivory", "Jade", "Larch", "Meadow", "North", "Orchid",
    "Pine", "Quartz", "Raven", "Slate", "Thistle", "Umber", "Velvet", "Wren", "Yarrow", "Zephyr", "Acorn", "Birch",
    "Cedar", "Dune", "Elm", "Finch", "Gorse", "Hazel", "Iris", "Jay", "Kite", "Linden", "Moss", "Nettle", "Oak",
)  # fmt: skip
PLANS = (
    "A small brewery with a tap room.",
    "A second workshop for packing machines.",
    "A bakery that delivers to schools.",
    "A warehouse for bicycle parts.",
    "A clinic for physiotherapy.",
    "A printing house that must leave its old hall.",
)
#: What businesses say on visits.
HEARD: tuple[dict[str, Any], ...] = (
    {"climate": "steady", "plans": ["none"], "satisfaction": "4"},
    {
        "climate": "growing",
        "plans": ["expand"],
        "jobs_change": 6,
        "workforce_needs": "Two welders.",
        "satisfaction": "5",
    },
    {"climate": "shrinking", "plans": ["downsize"], "jobs_change": -4, "satisfaction": "3"},
    {"climate": "steady", "plans": ["relocate"], "relocation_likelihood": "4", "satisfaction": "2"},
    {"climate": "steady", "regulatory_issues": "The permit for the new sign took five months.", "satisfaction": "2"},
    {"climate": "growing", "equipment_issues": "The hall roof leaks.", "quality_issues": "No bus after six."},
)
VISIT_PATHS: tuple[tuple[str, ...], ...] = (
    (),
    ("finish",),
    ("finish", "follow_up"),
    ("finish", "follow_up", "close"),
    ("finish", "close"),
    ("cancel",),
)
FLAG_PATHS: tuple[tuple[str, ...], ...] = (
    (),
    ("start",),
    ("start", "wait"),
    ("start", "resolve"),
    ("drop",),
    ("resolve",),
)
#: Moves of the incentive agreements, in turn.
AGREEMENTS: tuple[tuple[str, ...], ...] = ((), ("sign",), ("sign", "breach"))


def build(demo: Demo) -> None:
    """Make businesses and sites, visit them, and take each prospect as far as its path says."""
    businesses = [_business(demo, *entry) for entry in BUSINESSES if entry[0] in demo.organisations]
    sites = [_site(demo, *entry) for entry in SITES]
    for number, business in enumerate(businesses * 2):
        _visit(demo, business, number)
    _warning_signs(demo)
    campaign = _campaign(demo)
    names = list(CODE_NAMES)
    for moves, count in PROSPECTS:
        for _ in range(count):
            _prospect(demo, names.pop(0), moves, sites, businesses, campaign)
    _incentives(demo, businesses)
    _facts(demo)


def _business(demo: Demo, name: str, activity: str, code: str, sector: str, people: int) -> Record:
    chance = demo.random
    return demo.create(
        BUSINESS,
        {
            "contact": demo.organisations[name],
            "trade_name": name,
            "activity": activity,
            "naics": code,
            "sector": [sector],
            "status": "at_risk" if chance.random() < 0.15 else "active",
            "year_founded": chance.randint(1952, 2021),
            "employees_full_time": people,
            "employees_part_time": chance.randint(0, 9),
            "revenue_band": chance.choice(("100k_500k", "500k_2m", "2m_10m")),
            "ownership": chance.choice(("local", "family", "regional")),
            "tenure": chance.choice(("own", "lease")),
            "locations": [{"address": demo.address(), "kind": "main", "place": demo.place()}],
            "licence_number": f"BL-{chance.randint(1000, 9999)}",
            "licence_expires": demo.days_ago(-chance.randint(5, 400)).date(),
            "segment": "top" if people > 30 else "regular",
            "next_visit": demo.days_ago(-chance.randint(-10, 200)).date(),
            "listed": chance.random() < 0.8,
        },
        at=demo.days_ago(chance.uniform(200, 700)),
    )


def _site(
    demo: Demo,
    name: str,
    kind: str,
    acres: str | None,
    area: int | None,
    zoning: str,
    there: tuple[str, ...],
    deal: str,
) -> Record:
    chance = demo.random
    values: dict[str, Any] = {
        "name": name,
        "kind": kind,
        "status": chance.choice(("available", "available", "pending")),
        "description": "Ready to look at by appointment.",
        "address": demo.address(),
        "place": demo.place(),
        "acreage": acres,
        "floor_area": area,
        "zoning": zoning,
        "utilities": list(there),
        "highway_minutes": chance.randint(4, 15),
        "deal": deal,
        "broker_line": "Weir Realty, 555 0142 180",
        "verified_on": demo.days_ago(chance.randint(5, 130)).date(),
    }
    if deal != "lease":
        values["price"] = str(chance.randint(12, 90) * 10000)
    if deal != "sale":
        values["lease_rate"] = f"{chance.randint(8, 19)}.50"
    return demo.create(SITE, values, at=demo.days_ago(chance.uniform(140, 300)))


def _visit(demo: Demo, business: Record, number: int) -> None:
    chance = demo.random
    moves = VISIT_PATHS[number % len(VISIT_PATHS)]
    age = chance.uniform(4, 60) if moves else -chance.uniform(1, 20)
    starts = demo.days_ago(age, chance.choice((9, 10, 14)))
    values: dict[str, Any] = {
        "business": business.id,
        "starts": starts,
        "ends": starts + timedelta(hours=1),
        "location": "At their place",
        "visitor": chance.choice(list(demo.staff.values())),
    }
    if moves and moves[0] == "finish":
        values |= chance.choice(HEARD)
    record = demo.create(VISIT, values, at=demo.days_ago(max(age, 0) + 7))
    for step, move in enumerate(moves, start=1):
        needed = {"summary": "A good talk of an hour. They were glad that somebody came."} if move == "finish" else None
        record = demo.move(record, move, needed, at=demo.days_ago(age * (1 - step / (len(moves) + 1))))


def _warning_signs(demo: Demo) -> None:
    """Work on the warning signs that the visits have raised."""
    found = demo.town.records.find(demo.as_staff(), RED_FLAG, limit=100, sort="created").records
    for number, record in enumerate(found):
        age = max((demo.now - record.created).total_seconds() / 86400, 0.5)
        moves = FLAG_PATHS[number % len(FLAG_PATHS)]
        for step, move in enumerate(moves, start=1):
            needed = {"resolution": "We found them what they need."} if move in {"resolve", "drop"} else None
            record = demo.move(record, move, needed, at=demo.days_ago(age * (1 - step / (len(moves) + 1))))
        if number % 3:
            demo.update(record, {"assignee": demo.random.choice(list(demo.staff.values()))}, at=demo.now)


def _prospect(
    demo: Demo, code_name: str, moves: tuple[str, ...], sites: list[Record], businesses: list[Record], campaign: Record
) -> None:
    chance = demo.random
    ended = moves[-1:] in (("win",), ("lose",))
    age = chance.uniform(40, 300) if ended else chance.uniform(1, 10 + 15 * len(moves))
    kind = chance.choices(("new", "expansion", "retention"), (60, 30, 10))[0]
    source = chance.choice(("web", "visit", "broker", "state", "referral", "campaign"))
    values: dict[str, Any] = {
        "code_name": code_name if moves else "",
        "contact": chance.choice(demo.people),
        "kind": kind,
        "source": source,
        "campaign": campaign.id if source == "campaign" else None,
        "business": chance.choice(businesses).id if kind != "new" else None,
        "description": chance.choice(PLANS),
        "jobs": chance.randint(2, 60),
        "capex": str(chance.randint(5, 300) * 10000),
        "timeline": chance.choice(("3m", "12m", "24m")),
        "space_kind": [chance.choice(("land", "building", "suite"))],
        "needs": ["water", "broadband"],
    }
    record = demo.create(PROSPECT, values, at=demo.days_ago(age))
    for step, move in enumerate(moves, start=1):
        ago = age * (1 - step / (len(moves) + 0.6))
        known: dict[str, dict[str, Any]] = {
            "visit": {"visit_at": demo.days_ago(ago - 6)},
            "propose": {"sites": [chance.choice(sites).id]},
            "win": {"outcome": "They have signed and start in spring."},
            "lose": {"lost_reason": chance.choice(("site", "cost", "workforce", "project_dropped"))},
            "hold": {"hold_reason": "They wait for their bank."},
        }
        record = demo.move(record, move, known.get(move), at=demo.days_ago(ago))
    if record.closed is None and chance.random() < 0.75:
        next_step = {
            "assignee": chance.choice(list(demo.staff.values())),
            "next_step": chance.choice(("Call back", "Send plans", "Meet at the site")),
            "next_step_on": demo.days_ago(-chance.randint(-3, 20)).date(),
        }
        demo.update(record, next_step, at=demo.days_ago(0.2))


def _campaign(demo: Demo) -> Record:
    record = demo.create(
        "economic_development.campaign",
        {
            "name": "Food makers wanted",
            "segment": "Food makers within 50 miles",
            "channel": "letter",
            "budget": "2500",
            "starts_on": demo.days_ago(40).date(),
            "ends_on": demo.days_ago(-30).date(),
            "sends": 120,
            "responses": 9,
        },
        at=demo.days_ago(50),
    )
    return demo.move(record, "start", at=demo.days_ago(40))


def _incentives(demo: Demo, businesses: list[Record]) -> None:
    offers = (
        ("No permit fees for the first year", "fee_waiver", "For businesses that open in an empty shop.", "2000"),
        ("Facade grant", "grant", "Half of the cost of a shop front.", "5000"),
        ("Lower tax for new halls", "tax_abatement", "Half of the tax on the building for five years.", "80000"),
    )
    for number, (name, kind, rules, largest) in enumerate(offers):
        values = {"name": name, "kind": kind, "rules": rules, "largest": largest}
        incentive = demo.create("economic_development.incentive", values, at=demo.days_ago(300))
        agreement = demo.create(
            "economic_development.incentive_agreement",
            {
                "incentive": incentive.id,
                "business": businesses[number % len(businesses)].id,
                "value": largest,
                "starts_on": demo.days_ago(90).date(),
                "ends_on": demo.days_ago(-600).date(),
                "obligations": [{"metric": "jobs", "target": "5", "due_on": demo.days_ago(-20 - number * 90).date()}],
            },
            at=demo.days_ago(95),
        )
        for step, move in enumerate(AGREEMENTS[number], start=1):
            given = {"signed_on": demo.days_ago(90).date()} if move == "sign" else None
            agreement = demo.move(agreement, move, given, at=demo.days_ago(95 - step * 5))


def _facts(demo: Demo) -> None:
    at = demo.days_ago(30)
    for name, kind, status, days in (
        ("New main under Weir Street", "water", "building", 40),
        ("Fibre for Foundry Lane", "broadband", "funded", -60),
        ("Second bus per hour", "transit", "planned", -200),
    ):
        values = {"name": name, "kind": kind, "status": status, "starts_on": demo.days_ago(days).date()}
        demo.create("economic_development.infrastructure_project", values, at=at)
    for occupation, people, wage in (
        ("Welders", 140, "48200"),
        ("Care workers", 610, "34100"),
        ("Drivers", 390, "43900"),
    ):
        values = {
            "area": "Millbrook and 20 miles around",
            "occupation": occupation,
            "people": people,
            "wage": wage,
            "source": "State labour office",
            "as_of": demo.days_ago(200).date(),
        }
        demo.create("economic_development.workforce_fact", values, at=at)
