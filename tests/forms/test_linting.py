"""What only shows when all schemas are seen together is a mistake too: loops, leaks, dead ends and unknown names."""

from __future__ import annotations

from pathlib import Path

import pytest

from townhall_forms.errors import SchemaErrors
from townhall_forms.loading import Source
from townhall_forms.loading import load_schemas

CONTACT = """
[type]
name = "contact"
title = "{name}"
[fields.name]
type = "text"
[fields.secret]
type = "text"
privacy = "confidential"
"""

HEAD = "[type]\nname = 'thing'\ntitle = '{name}'\n"
NAME = "[fields.name]\ntype = 'text'\nprivacy = 'public'\n"
STATES = """
[workflow]
initial = "new"
[workflow.states]
new = {}
done = { final = true }
[[workflow.transitions]]
name = "finish"
from = ["new"]
to = "done"
by = ["staff"]
"""


def mistakes(text: str, plugin: str = "town", **others: str) -> list[tuple[str, str]]:
    """The mistakes in a file, as (key, message), beside core's contact and other plugins' types."""
    sources = [
        Source("core", Path("contact.toml"), CONTACT),
        *(Source(name, Path(f"{name}.toml"), other) for name, other in others.items()),
        Source(plugin, Path("thing.toml"), text),
    ]
    try:
        load_schemas(sources)
    except SchemaErrors as error:
        return [(mistake.key, mistake.message) for mistake in error.mistakes]
    return []


def test_what_is_in_order_has_no_mistakes() -> None:
    """The texts that the cases below spoil are themselves in order."""
    assert mistakes(HEAD + NAME + STATES) == []


FIELD_CASES = [
    ("[fields.state]\ntype = 'text'\n", "fields.state", "is taken"),
    ("[fields.version]\ntype = 'text'\n", "fields.version", "is taken"),
    ("[fields.all]\ntype = 'text'\n", "fields.all", "is taken"),
    ("[fields.channel]\ntype = 'text'\n", "fields.channel", "is a choice"),
    ("[fields.name_key]\ntype = 'integer'\n", "fields.name_key", "also a column of “name”"),
    ("[fields.cost]\ntype = 'money'\n[fields.cost_currency]\ntype = 'text'\n", "fields.cost_currency", "“cost”"),
    (f"[fields.a]\ntype = 'text'\nlabel = '{'x' * 81}'\n", "fields.a.label", "at most 80"),
    ("[fields.a]\ntype = 'choice'\nchoices = ['x', 'x']\n", "fields.a.choices", "there twice"),
    ("[fields.a]\ntype = 'choice'\n", "fields.a", "needs “choices”"),
    ("[fields.a]\ntype = 'files'\naccept = ['images']\n", "fields.a.accept", "did you mean “image”"),
    ("[fields.a]\ntype = 'file'\naccept = ['pdf', 'documents']\n", "fields.a.accept", "did you mean “document”"),
    ("[fields.a]\ntype = 'link'\n", "fields.a", "needs “to”"),
    ("[fields.a]\ntype = 'link'\nto = 'thingy'\n", "fields.a.to", "did you mean “town.thing”"),
    ("[fields.a]\ntype = 'link'\nto = 'parks.tree'\n", "fields.a.to", "add “parks” to requires"),
    ("[fields.a]\ntype = 'links'\nto = 'core.contct'\n", "fields.a.to", "did you mean “core.contact”"),
    ("[fields.a]\ntype = 'rows'\n[fields.a.fields.b]\ntype = 'link'\nto = 'x'\n", "fields.a.fields.b.to", "no type"),
    ("[fields.a]\ntype = 'answers'\n", "fields.a", "need “from”"),
    ("[fields.a]\ntype = 'answers'\nfrom = 'name'\n", "fields.a.from", "type questions"),
    ("[fields.a]\ntype = 'answers'\nfrom = 'asked'\n", "fields.a.from", "no field “asked”"),
    ("[fields.a]\ntype = 'text'\nshow_if = { a = 'x' }\n", "fields.a.show_if", "waits for itself: a → a"),
    ("[fields.a]\ntype = 'text'\nsearch = true\nprivacy = 'confidential'\n", "fields.a.search", "can't be searched"),
    ("[fields.a]\ntype = 'links'\nto = 'thing'\nunique = true\n", "fields.a.unique", "can't be unique"),
    ("[fields.a]\ntype = 'text'\nprefill = 'email'\n", "fields.a.prefill", "contact.NAME"),
    ("[fields.a]\ntype = 'text'\nprefill = 'nobody.email'\n", "fields.a.prefill", "contact.NAME"),
    ("[fields.a]\ntype = 'computed'\ncompute = { sum = 'b.c' }\n", "fields.a.compute", "no field “b”"),
    ("[fields.a]\ntype = 'computed'\ncompute = { sum = 'name' }\n", "fields.a.compute", "is no number"),
    ("[fields.a]\ntype = 'computed'\ncompute = { count = 'name' }\n", "fields.a.compute", "works on rows"),
    ("[fields.a]\ntype = 'computed'\ncompute = { days_between = ['name', 'created'] }\n", "fields.a.compute", "date"),
    (
        "[fields.a]\ntype = 'computed'\ncompute = { copy = 'name' }\nrequired = true\n",
        "fields.a.required",
        "never typed",
    ),
    ("[fields.a]\ntype = 'computed'\ncompute = { copy = 'a' }\n", "fields.a.compute", "from itself"),
    (
        "[fields.a]\ntype = 'link'\nto = 'core.contact'\n"
        "[fields.b]\ntype = 'computed'\ncompute = { copy = 'a.secret' }\n",
        "fields.b.compute",
        "is confidential",
    ),
]


@pytest.mark.parametrize(("text", "key", "words"), FIELD_CASES, ids=[f"{key} {words}" for _, key, words in FIELD_CASES])
def test_mistakes_between_fields(text: str, key: str, words: str) -> None:
    """A field that can't work beside the others, or would tell what is confidential, is refused."""
    found = mistakes(HEAD + NAME + text)
    assert [one for one in found if one[0] == key and words.lower() in one[1].lower()], found


def test_loops_are_told_once_and_whole() -> None:
    """Fields that wait for each other are named in order, and once."""
    text = "".join(
        f"[fields.{one}]\ntype = 'text'\nshow_if = {{ {other} = 'x' }}\n" for one, other in ("ab", "bc", "ca")
    )
    assert mistakes(HEAD + NAME + text) == [("fields.a.show_if", "“a” waits for itself: a → b → c → a.")]


def test_computed_fields_may_build_on_each_other_but_not_in_a_circle() -> None:
    """A chain is in order, a circle is not."""
    chain = "[fields.a]\ntype = 'computed'\ncompute = { copy = 'b' }\n"
    chain += "[fields.b]\ntype = 'computed'\ncompute = { copy = '%s' }\n"
    assert mistakes(HEAD + NAME + chain % "name") == []
    assert [key for key, _ in mistakes(HEAD + NAME + chain % "a")] == ["fields.a.compute"]


LAYOUT_CASES = [
    ("[[sections]]\nname = 's'\nfields = ['nam']\n", "sections.s.fields", "did you mean “name”"),
    (
        "[[sections]]\nname = 's'\nfields = ['name']\n[[sections]]\nname = 't'\nfields = ['name']\n",
        "sections.t.fields",
        "also in",
    ),
    ("[[sections]]\nname = 's'\nfields = []\n[[sections]]\nname = 's'\nfields = []\n", "sections.s", "there twice"),
    ("[[checks]]\nrequire = { nam = 'x' }\nmessage = 'x'\n", "checks.1.require.nam", "did you mean “name”"),
    ("[[checks]]\nrequire = { name = 'x' }\nmessage = 'x'\nfields = ['x']\n", "checks.1.fields", "no field “x”"),
    ("[[unique]]\nfields = ['x']\nmessage = 'x'\n", "unique.1.fields", "no field “x”"),
    ("[[indexes]]\nfields = ['nmae']\n", "indexes.1.fields", "did you mean “name”"),
    (
        "[fields.a]\ntype = 'links'\nto = 'thing'\n[[indexes]]\nfields = ['name', 'a']\n",
        "indexes.1.fields",
        "“a” has several values",
    ),
    ("[[indexes]]\nfields = []\n", "indexes.1.fields", "at least one field"),
    ("[[indexes]]\nfields = ['name', 'name']\n", "indexes.1.fields", "“name” is there twice"),
    (
        "[fields.a]\ntype = 'longtext'\n[[indexes]]\nfields = ['name', 'a']\n",
        "indexes.1.fields",
        "“a”, a field of type longtext, can't be in an index",
    ),
    ("[list]\ncolumns = ['nmae']\n", "list.columns", "did you mean “name”"),
    ("[list]\ncolumns = ['secret']\n", "list.columns", "is confidential"),
    ("[list]\nfilters = ['secret']\n", "list.filters", "is confidential"),
    ("[list]\nsort = '-secret'\n", "list.sort", "is confidential"),
    ("[list]\nsort = 'rows'\n", "list.sort", "nothing can be sorted"),
    ("[[list.views]]\nname = 'v'\nwhere = { x = 1 }\n", "list.views.v.where.x", "no field “x”"),
    ("[[list.views]]\nname = 'v'\nwhere = { secret = 'x' }\n", "list.views.v.where", "is confidential"),
    ("[[list.views]]\nname = 'v'\n[[list.views]]\nname = 'v'\n", "list.views.v", "there twice"),
    ("[type.event]\nstarts = 'name'\n", "type.event.starts", "not of type date"),
    ("[type.event]\nstarts = 'begins'\n", "type.event.starts", "no field “begins”"),
    ("[type.merge]\n", "type.merge", "“into” is missing"),
    ("[type.merge]\ninto = 'name'\n[workflow]\ninitial = 'new'\nstates.new = {}\n", "type.merge", "neither cases"),
    ("[type.merge]\ninto = 'name'\n", "type.merge.into", "“name” is not a link to"),
    ("[type.merge]\ninto = 'nowhere'\n", "type.merge.into", "no field “nowhere”"),
    ("[type.merge]\ninto = 'name'\nyes_wins = ['name']\n", "type.merge.yes_wins", "not of type boolean"),
    ("[type.merge]\ninto = 'name'\nonly_chosen = ['nmae']\n", "type.merge.only_chosen", "did you mean “name”"),
    ("[type.merge]\ninto = 'name'\ncaution = 'Look.'\n", "type.merge.caution", "none is named"),
]


@pytest.mark.parametrize(
    ("text", "key", "words"), LAYOUT_CASES, ids=[f"{key} {words}" for _, key, words in LAYOUT_CASES]
)
def test_mistakes_in_what_is_shown(text: str, key: str, words: str) -> None:
    """Lists, views, sections, rules and calendars name fields that are there and may be seen."""
    secret = "[fields.secret]\ntype = 'text'\nprivacy = 'confidential'\n"
    secret += "[fields.rows]\ntype = 'rows'\nfields.a.type = 'text'\n"
    found = mistakes(HEAD + NAME + secret + text)
    assert [one for one in found if one[0] == key and words.lower() in one[1].lower()], found


@pytest.mark.parametrize(
    ("title", "extra", "words"),
    [
        ("{nmae}", "", "did you mean “name”"),
        ("{who.secret}", "", "is confidential"),
        ("{secret}", "", "is confidential"),
        ("{title}", "", "contain itself"),
        ("{who.name}", "public_if = { name = 'x' }", "is internal, but the public"),
        ("{rows}", "", "not a line of text"),
    ],
)
def test_a_title_tells_nothing_private(title: str, extra: str, words: str) -> None:
    """Titles are seen wherever a record is, so neither they nor what they reach over a link may be private."""
    text = f"""
    [type]
    name = "thing"
    title = "{title}"
    {extra}
    [fields.name]
    type = "text"
    [fields.secret]
    type = "text"
    privacy = "confidential"
    [fields.who]
    type = "link"
    to = "core.contact"
    [fields.rows]
    type = "rows"
    fields.a.type = "text"
    """
    found = mistakes(text)
    assert [one for one in found if one[0] == "type.title" and words.lower() in one[1].lower()], found


def test_what_is_public_is_not_decided_by_a_secret() -> None:
    """Who sees a record must not tell them something confidential about it."""
    text = HEAD + "public_if = { secret = 'x' }\n" + NAME + "[fields.secret]\ntype = 'text'\nprivacy = 'confidential'\n"
    assert (
        "type.public_if",
        "“secret” is confidential and can't decide about a rule about what is public.",
    ) in mistakes(text)


PRIVATE = "[fields.secret]\ntype = 'text'\nprivacy = 'confidential'\n[fields.who]\ntype = 'link'\nto = 'core.contact'\n"


@pytest.mark.parametrize("key", ["show_if", "require_if", "lock_if"])
@pytest.mark.parametrize(
    ("privacy", "path", "refused"),
    [
        ("internal", "secret", True),
        ("confidential", "secret", False),
        ("internal", "who.secret", True),
        ("confidential", "who.secret", True),
        ("internal", "who.name", False),
        ("internal", "lines.hidden", True),
    ],
)
def test_what_is_asked_is_not_decided_by_a_secret(key: str, privacy: str, path: str, refused: bool) -> None:
    """That a field is asked tells what it depends on, so a confidential field decides only about one of its own type
    that is confidential too.
    """
    text = (
        PRIVATE
        + f"[fields.more]\ntype = 'text'\nprivacy = '{privacy}'\n{key} = {{ \"{path}\" = {{ empty = false }} }}\n"
    )
    text += "[fields.lines]\ntype = 'rows'\nfields.open.type = 'text'\n"
    text += "fields.hidden = { type = 'text', privacy = 'confidential' }\n"
    said = f"“{path}” is confidential and can't decide about a field that others read."
    assert mistakes(HEAD + NAME + text) == ([(f"fields.more.{key}", said)] if refused else [])


def test_a_column_is_not_decided_by_a_secret_beside_it() -> None:
    """The columns of a row are looked at like fields."""
    text = "[fields.lines]\ntype = 'rows'\nfields.hidden = { type = 'text', privacy = 'confidential' }\n"
    text += "fields.open = { type = 'text', show_if = { hidden = 'x' } }\n"
    text += "fields.shut = { type = 'text', privacy = 'confidential', show_if = { hidden = 'x' } }\n"
    said = "“hidden” is confidential and can't decide about a field that others read."
    assert mistakes(HEAD + NAME + text) == [("fields.lines.fields.open.show_if", said)]


def test_contacts_are_links_to_contacts() -> None:
    """A record stands on the timelines of contacts only."""
    text = HEAD + "contacts = ['name', 'rows.who']\n" + NAME
    text += "[fields.rows]\ntype = 'rows'\n[fields.rows.fields.who]\ntype = 'link'\nto = 'core.contact'\n"
    assert [key for key, _ in mistakes(text)] == ["type.contacts"]


OWNED = HEAD + "number = 'T-{seq:03}'\n%s\n" + NAME + "[fields.who]\ntype = 'link'\nto = 'core.contact'\n"
OWNED += "[fields.beds]\ntype = 'rows'\n[fields.beds.fields.crop]\ntype = 'text'\nrequired = true\n"
OWNED += "[fields.beds.fields.code]\ntype = 'text'\nprivacy = 'confidential'\n"
SENT = "[forms.public]\nfields = ['name']\ncontact = 'required'\ncontact_field = 'who'\n"
OWN = SENT + "[forms.own]\nby_owner = true\nfields = %s\n"


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        (OWNED % "owners = ['name']" + SENT, "type.owners", "does not link to core.contact"),
        (OWNED % "owners = ['whom']" + SENT, "type.owners", "there is no field “whom”"),
        (OWNED % "owners = ['who']", "type.owners", "only what has a number and a public form"),
        (OWNED % "owners = []\nowners_if = { name = 'x' }" + SENT, "type.owners_if", "it means nothing without"),
        (OWNED % "" + OWN % "['beds.code']", "forms.own.fields", "“beds.code” is confidential"),
        (OWNED % "" + OWN % "['beds.kind']", "forms.own.fields", "there is no field “kind”"),
        (OWNED % "" + OWN % "['beds.code']", "forms.own.fields", "“beds.crop” is required"),
        (OWNED % "" + OWN % "['name']" + "contact = 'required'\n", "forms.own.contact", "is known already"),
        (OWNED % "" + OWN % "['name']" + "service = 'x'\n", "forms.own.service", "it means nothing"),
        (OWNED % "" + "[forms.own]\nby_owner = true\nfields = ['name']\n", "forms.own.by_owner", "nobody could open"),
        (OWNED % "" + OWN % "['name']" + STATES, "forms.own.by_owner", "says with “edit_in”"),
        (OWNED % "" + SENT.replace("['name']", "['name', 'beds.crop']"), "forms.public.fields", "there is no field"),
    ],
)
def test_mistakes_about_owners(text: str, key: str, words: str) -> None:
    """Owners are contacts who can open what is theirs, and change in a form of their own what may be theirs to see."""
    assert any(at == key and words in message.lower() for at, message in mistakes(text)), mistakes(text)


def test_two_types_never_share_a_table() -> None:
    """``a_b.c`` and ``a.b_c`` would both be kept in ``a_b_c``."""
    other = "[type]\nname = 'b_thing'\ntitle = 'x'\n"
    assert ("type.name", "Its table “a_b_thing” is that of a.b_thing; choose another name.") in mistakes(
        HEAD + NAME, "a_b", a=other
    )


WORKFLOW_CASES = [
    ('initial = "new"', 'initial = "nwe"', "workflow.initial", "did you mean “new”"),
    ('to = "done"', 'to = "dnoe"', "workflow.transitions.finish.to", "did you mean “done”"),
    ('from = ["new"]', 'from = ["nwe"]', "workflow.transitions.finish.from", "did you mean “new”"),
    ('by = ["staff"]', "by = []", "workflow.transitions.finish.by", "nobody may make"),
    ('by = ["staff"]', 'by = ["stuff"]', "workflow.transitions.finish.by", "did you mean “staff”"),
    ("new = {}", "new = {}\nlost = {}", "workflow.states.lost", "no transition leads to"),
    ("new = {}", "new = {}\nlost = {}", "workflow.states.lost", "nothing leads out"),
    ("new = {}", "new = {}\nlost = { final = true }", "workflow.states.lost", "no transition leads to"),
    ("done = { final = true }", "done = {}", "workflow", "could never be closed"),
    ('initial = "new"', 'initial = "new"\ndue_days = "name"', "workflow.due_days", "no whole number"),
    ('initial = "new"', 'initial = "new"\ndue_days = "nmae"', "workflow.due_days", "did you mean “name”"),
    ('initial = "new"', 'initial = "new"\ndue_days = "14"', "workflow.due_days", "write 14 without quotes"),
    ('initial = "new"', 'initial = "new"\nqueue = "name"', "workflow.queue", "no link to core.queue"),
    ('initial = "new"', 'initial = "new"\nqueue = "nmae"', "workflow.queue", "did you mean “name”"),
    ('initial = "new"', 'initial = "new"\nassignee = "name"', "workflow.assignee", "no field of the type staff"),
    (
        'by = ["staff"]',
        'by = ["staff"]\nmessage = "All done"',
        "workflow.transitions.finish.message",
        "name of an event",
    ),
    ('initial = "new"', 'initial = "new"\nmessages = "name"', "workflow.messages", "rows of a linked record"),
    ('initial = "new"', 'initial = "new"\nmessages = "nmae"', "workflow.messages", "did you mean “name”"),
    ('by = ["staff"]', 'by = ["staff"]\nrequire = ["nmae"]', "workflow.transitions.finish.require", "“name”"),
    ('by = ["staff"]', 'by = ["staff"]\nasks = ["total"]', "workflow.transitions.finish.asks", "is computed"),
    (
        'by = ["staff"]',
        'by = ["staff"]\nif = { state = "nwe" }',
        "workflow.transitions.finish.if.state",
        "did you mean “new”",
    ),
    (
        'by = ["staff"]',
        'by = ["staff"]\nif = { state = "x" }',
        "workflow.transitions.finish.if.state",
        "choices: done, new",
    ),
    ('by = ["staff"]', 'by = ["staff"]\nassign = "nmae"', "workflow.transitions.finish.assign", "did you mean “name”"),
    (
        'by = ["staff"]',
        'by = ["staff"]\nassign = "name"',
        "workflow.transitions.finish.assign",
        "nobody who works here",
    ),
    *(
        ('by = ["staff"]', f'by = ["staff"]\n{table} = {{ {keys} }}', f"workflow.transitions.finish.{key}", words)
        for table, keys, key, words in [
            ("task", 'titel = "x"', "task.titel", "did you mean “title”"),
            ("task", "days = 3", "task", "“title” is missing"),
            ("task", 'title = "{nmae}"', "task.title", "did you mean “name”"),
            ("task", 'title = "{name"', "task.title", "without its partner"),
            ("task", 'title = "{who.secret}"', "task.title", "is confidential"),
            ("task", 'title = "x", days = "name"', "task.days", "no whole number"),
            ("task", 'title = "x", assignee = "name"', "task.assignee", "nobody who works here"),
            ("event", 'title = "x"', "event", "“starts” is missing"),
            ("event", 'title = "x", starts = "name"', "event.starts", "no datetime field"),
            ("event", 'title = "{who.secret}", starts = "created"', "event.title", "is confidential"),
        ]
    ),
]


@pytest.mark.parametrize(("old", "new", "key", "words"), WORKFLOW_CASES)
def test_mistakes_in_a_workflow(old: str, new: str, key: str, words: str) -> None:
    """A case can always move on, by somebody, and come to an end."""
    total = "[fields.total]\ntype = 'computed'\ncompute = { copy = 'name' }\n"
    total += "[fields.who]\ntype = 'link'\nto = 'core.contact'\n"
    assert old in STATES
    found = mistakes(HEAD + NAME + total + STATES.replace(old, new))
    assert [one for one in found if one[0] == key and words.lower() in one[1].lower()], found


FORM = "[forms.public]\n"
FORM_CASES = [
    ("fields = ['nmae']", "forms.public.fields", "did you mean “name”"),
    ("fields = ['name', 'name']", "forms.public.fields", "asked for twice"),
    ("fields = ['name', 'set']", "forms.public.fields", "nobody types “set”"),
    ("fields = ['who']", "forms.public", "“name” is required, but this form doesn't ask"),
    ("fields = ['name']\ncontact = 'required'", "forms.public.contact_field", "say which link"),
    ("fields = ['name']\ncontact = 'required'\ncontact_field = 'name'", "forms.public.contact_field", "core.contact"),
    ("fields = ['name']\nper = 'name'", "forms.public.per", "no link"),
    ("fields = ['name']\nper_group = 'name'", "forms.public.per_group", "without “per”"),
    ("fields = ['name']\nper = 'who'\nper_group = 'group'", "forms.public.per_group", "no field “group”"),
    ("fields = ['name']\nstate = 'new'", "forms.public.state", "no workflow"),
    ("fields = ['name']\nopen_if = { x = 1 }", "forms.public.open_if.x", "no field “x”"),
]


@pytest.mark.parametrize(("text", "key", "words"), FORM_CASES, ids=[f"{key} {words}" for _, key, words in FORM_CASES])
def test_mistakes_in_a_public_form(text: str, key: str, words: str) -> None:
    """A public form asks for what can be typed, and for all that is required."""
    fields = (
        "[fields.name]\ntype = 'text'\nrequired = true\n[fields.set]\ntype = 'text'\nread_only = true\n"
        "[fields.who]\ntype = 'link'\nto = 'core.contact'\n"
    )
    found = mistakes(HEAD + fields + FORM + text + "\n")
    assert [one for one in found if one[0] == key and words.lower() in one[1].lower()], found


def test_a_form_may_leave_out_what_a_draft_can_lack() -> None:
    """Where a sent form starts in an incomplete state, ``required`` waits."""
    fields = "[fields.name]\ntype = 'text'\nrequired = true\n[fields.more]\ntype = 'text'\n"
    fields += "[forms.public]\nfields = ['more']\n"
    assert [key for key, _ in mistakes(HEAD + fields + STATES)] == ["forms.public"]
    assert mistakes(HEAD + fields + STATES.replace("new = {}", "new = { incomplete = true }")) == []


@pytest.mark.parametrize(
    ("more", "key", "words"),
    [
        ("after = 'other.public'", "forms.next.after", "no type “town.other”"),
        ("after = 'thing.first'", "forms.next.after", "has no form “first”"),
        ("after = 'thing.next'", "forms.next.after", "can't come after itself"),
        ("after = 'thing.public'\nservice = 'Questions'", "forms.next.service", "it is no service"),
        ("after = 'thing.public'\nkeywords = ['ask']", "forms.next.keywords", "it is no service"),
    ],
)
def test_a_form_comes_after_another_form_that_is_sent(more: str, key: str, words: str) -> None:
    """``after`` names a form of a type, and what is offered on a receipt is no service of its own."""
    text = HEAD + NAME + "[forms.public]\nfields = ['name']\n[forms.next]\nfields = ['name']\n"
    assert mistakes(text + "after = 'thing.public'\n") == []
    assert any(place == key and words in sentence for place, sentence in mistakes(f"{text}{more}\n"))


PUBLIC_CASES = [
    ("columns = ['inner']", "public.columns", "is internal; the public may not see it"),
    ("fields = ['inner']", "public.fields", "is internal"),
    ("filters = ['inner']", "public.filters", "is internal"),
    ("sort = 'inner'", "public.sort", "can't be sorted"),
    ("columns = ['nmae']", "public.columns", "did you mean “name”"),
    ("apply = 'other.public:thing'", "public.apply", "no type “town.other”"),
    ("apply = 'thing.public:name'", "public.apply", "no form “public”"),
    ("apply = 'thing.public:name'", "public.apply", "no link from"),
]


@pytest.mark.parametrize(
    ("text", "key", "words"), PUBLIC_CASES, ids=[f"{key} {words}" for _, key, words in PUBLIC_CASES]
)
def test_mistakes_in_a_public_page(text: str, key: str, words: str) -> None:
    """A public page shows what is public and nothing else."""
    head = HEAD + "public_if = { name = 'x' }\n" + NAME + "[fields.inner]\ntype = 'text'\n"
    found = mistakes(f"{head}[public]\n{text}\n")
    assert [one for one in found if one[0] == key and words.lower() in one[1].lower()], found


def test_a_public_page_needs_a_rule_about_what_is_public() -> None:
    """Without ``public_if`` nobody would ever see anything."""
    assert mistakes(HEAD + NAME + "[public]\n") == [
        ("public", "Nobody would see anything: the type has no “public_if”.")
    ]
    assert [place for place, _ in mistakes(f"{HEAD}public_if = {{ nmae = 'x' }}\n{NAME}[public]\n")] == [
        "type.public_if.nmae"
    ]


def test_a_plugin_that_is_required_can_be_linked_to() -> None:
    """``requires`` opens the types of another plugin."""
    tree = Source("parks", Path("tree.toml"), "[type]\nname = 'tree'\ntitle = 'Tree'\n")
    text = HEAD + NAME + "[fields.tree]\ntype = 'link'\nto = 'parks.tree'\n"
    linking = Source("town", Path("thing.toml"), text, frozenset({"parks"}))
    assert "town.thing" in load_schemas([tree, linking])
