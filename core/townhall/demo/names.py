"""What people, streets and clubs of Millbrook are called. Made up; any likeness is chance.

Telephone numbers are from the range that is reserved for fiction, mail addresses end in ``.example`` (RFC 2606).
"""

from __future__ import annotations

GIVEN_NAMES = (
    "Halina", "Gareth", "Ruth", "Joan", "Peter", "Mei", "Aisha", "Daniel", "Ewa", "Tomás", "Priya", "Owen", "Clara",
    "Samuel", "Ngozi", "Edith", "Marcus", "Fatima", "Liam", "Yuki", "Rosa", "Henry", "Amara", "Viktor", "Sofia",
    "George", "Hana", "Isaac", "Leila", "Walter", "Nora", "Dmitri", "Grace", "Ahmed", "Iris", "Paul", "Chidi", "Ida",
    "Frank", "Zainab", "Hugo", "Beatrice", "Kwame", "Martha", "Jonas", "Lucía", "Arthur", "Mina", "Theo", "Agnes",
    "Rafael", "Elsie", "Ibrahim", "June", "Stefan", "Anjali", "Ralph", "Greta", "Malik", "Winifred", "Oscar", "Dorota",
)  # fmt: skip

FAMILY_NAMES = (
    "Nowak", "Lloyd", "Okafor", "Whitcombe", "Sandoval", "Chen", "Rahman", "Price", "Marsh", "Herrera", "Nair",
    "Bevan", "Lindqvist", "Achebe", "Fairweather", "Haddad", "O’Brien", "Tanaka", "Moreno", "Ashworth", "Diallo",
    "Petrov", "Romano", "Pritchard", "Kovács", "Goldberg", "Farouk", "Baxter", "Jensen", "Volkov", "Hughes", "Malik",
    "Sutton", "Becker", "Eze", "Larsen", "Morris", "Yusuf", "Dubois", "Wainwright", "Mensah", "Carver", "Holm",
    "García", "Pemberton", "Sato", "Hartley", "Ferreira", "Boyd", "Khalil", "Novák", "Thorne", "Weaver", "Iyer",
    "Ostrowski", "Finch", "Abbott", "Reyes", "Blackwood", "Singh", "Tanner", "Miller", "de la Cruz-Worthington",
)  # fmt: skip

STREETS = (
    "Mill Lane", "Weir Street", "Tanner Row", "Station Road", "Bridge Street", "Chapel Hill", "Orchard Close",
    "Brook Walk", "Foundry Lane", "Market Square", "School Path", "Quarry Road", "Lock Street", "Meadow Way",
    "Church Green", "Old Ferry Road", "Saddler’s Yard", "Beech Avenue", "Cooper Street", "Millpond Drive",
)  # fmt: skip

WARDS = ("Weir", "Mill", "Chapel", "Station")

ORGANISATIONS = (
    ("Friends of Weir Park", "charity"), ("Millbrook Brass Band", "charity"), ("Mill Lane Primary School", "school"),
    ("Weir Park Bowls Club", "charity"), ("Millbrook Allotment Society", "charity"), ("St Aldhelm’s Church", "faith"),
    ("Bridge Street Joinery", "business"), ("The Copper Kettle", "business"), ("Brookside Nursery", "school"),
    ("Millbrook Rovers", "charity"), ("Foundry Lane Workshops", "business"), ("Tanner & Daughters", "business"),
    ("Lock Street Bakery", "business"), ("County Water Board", "partner"), ("Northline Electric", "partner"),
    ("Quarry Road Garage", "business"), ("Millbrook Food Bank", "charity"), ("Station Road Surgery", "public"),
    ("The Weir Theatre", "charity"), ("Al-Noor Community Centre", "faith"), ("Meadow Way Care Home", "business"),
    ("Green Loop Recycling", "partner"), ("Saddler’s Yard Bikes", "business"),
    ("Millbrook Historical Society", "charity"),
    ("Orchard Press", "business"), ("Brook & Stone Landscapes", "business"), ("River Scouts", "charity"),
    ("Chapel Hill Dental", "business"), ("Cooper Street Laundry", "business"), ("Beacon Robotics", "business"),
)  # fmt: skip

LANGUAGES = ("en",) * 14 + ("es", "es", "pl", "pl", "ar", "zh", "uk")

#: What is said, by direction: a few words for the line, and the note itself.
TALK_IN = (
    ("Bin day", "Asked which day the bins are collected on {street}. Told them: Tuesday, brown ones every other week."),
    ("Street light", "The lamp near number {number} {street} is dark again. Wants to know when it will be mended."),
    ("Hall hire", "Asked what the small hall costs on a Saturday afternoon. Sent the price list."),
    (
        "Council tax letter",
        "Got a letter and is not sure it is for them. Explained it; they will pay by the end of the month.",
    ),
    ("Parking", "Cars park across the drop kerb on {street}. Asked for a sign."),
    ("Thank you", "Wanted to say thank you for the new bench by the weir."),
    ("Library", "Asked whether the library opens on the holiday Monday. It does not."),
    ("Tree", "A branch hangs low over the pavement on {street}. Not dangerous today."),
    ("How far is it?", "Asked how far their request is. Told them what the page says and when to expect more."),
    ("Moved house", "They moved to {number} {street}. Changed the address while they waited."),
    ("Noise", "Music until two at night from the yard behind {street}. Will keep a diary for a week."),
    ("Allotment", "Would like an allotment. Put on the waiting list; about a year."),
    ("Pothole", "A deep hole outside {number} {street}. Asked them to send a photo if they can."),
    ("Market stall", "Asked how to get a stall at the winter market. Sent the form."),
    ("Job", "Asked whether the pool attendant job is still open. It is, until the end of the month."),
)

TALK_OUT = (
    ("Your question", "Called back as promised. All answered, nothing more to do."),
    ("Confirmation", "Wrote to confirm what we agreed on the phone."),
    ("Papers", "Sent the form and the leaflet with a stamped envelope."),
    ("Message left", "Nobody answered; left a message with our number and hours."),
    ("Appointment", "Offered them an appointment at the counter on Thursday evening. They took it."),
    ("Reminder", "Reminded them of the two papers that are missing."),
)

NOTES = (
    ("Note", "Spoke to the crew: they pass through {street} on Wednesday anyway."),
    ("Note", "Please speak slowly, the line is bad at their end."),
    ("Note", "Asked the partner for a date; nothing yet."),
    ("Note", "Knows the street well, worth asking first when something is broken there."),
)

FLAGS = (
    "Do not phone before 10:00", "Hard of hearing, please speak up", "Daughter may speak for her",
    "Guide dog at the door", "Only calls from the landline", "Prefers to talk to the same person",
)  # fmt: skip

EVENTS = (
    ("Grants panel", "public_meeting", "Council chamber", 14, 2.0),
    ("Town council meeting", "public_meeting", "Council chamber", 19, 2.5),
    ("Winter market set-up", "other", "Bridge Street", 8, 4.0),
    ("Walk of the streets, Weir ward", "visit", "Weir Park gate", 10, 1.5),
    ("Hearing on the quarry road", "hearing", "Council chamber", 18, 2.0),
    ("Advice hour for small businesses", "appointment", "Town Hall, room 2", 9, 1.0),
    ("Playground inspection", "inspection", "Weir Park", 11, 1.0),
    ("Allotment society, yearly meeting", "public_meeting", "Chapel Hill hall", 19, 2.0),
    ("Repair café", "public_meeting", "Foundry Lane Workshops", 14, 3.0),
    ("Library reading hour", "public_meeting", "Library", 16, 1.0),
)

STAFF = (
    ("Ruth Okafor", "ruth", "administrator"),
    ("Gareth Lloyd", "gareth", "clerk"),
    ("Joan Whitcombe", "joan", "clerk"),
    ("Samuel Bevan", "samuel", "clerk"),
    ("Nora Lindqvist", "nora", "viewer"),
    ("Dana Frost", "dana", "department_clerk"),
    ("Cole Maddox", "cole", "contractor"),
)

#: Tasks that belong to no case: what, a note, and in how many days they are due.
TASKS: tuple[tuple[str, str, int], ...] = (
    ("Order grit for the winter", "Two pallets, as last year.", 6),
    ("Ask the fire department about the hydrant on Mill Lane", "It drips.", -1),
    ("Check the first-aid boxes", "Town hall, library and depot.", 3),
    ("Find a date for the open day", "", 12),
    ("Renew the insurance of the library", "", -8),
    ("Send the council the minutes", "", -4),
    ("Put the holiday closing times on the door", "", 1),
)
#: A first answer to somebody who sent something.
ANSWERS = (
    "Thank you, we have it. Somebody reads it this week and comes back to you.",
    "We have received everything that we need for now. You hear from us.",
    "Thank you for writing. A colleague looks at it and calls you if something is missing.",
)
