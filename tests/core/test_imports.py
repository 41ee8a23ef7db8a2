"""Imports from end to end: mapping files, batches that are whole, refused rows, repeats, links and the way back."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from desk import CONTACT
from desk import TICKET
from desk import TOPIC
from desk import make_topic

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.admin.exporting import csv_lines
from townhall.cli.importing import find_mapping
from townhall.cli.importing import import_file
from townhall.errors import ConfigurationError
from townhall.errors import Forbidden
from townhall.imports import running
from townhall.imports.csv_files import open_csv
from townhall.imports.formulas import as_written
from townhall.imports.formulas import harmless
from townhall.imports.mapping import ImportMapping
from townhall.imports.mapping import parse_mapping
from townhall.imports.running import ImportSummary
from townhall.imports.running import run_import
from townhall.imports.running import write_refused
from townhall.town import Town

DOOR = system(door="import", name="Import of topics.csv")
DATA = os.environ.get("TOWNHALL_TEST_DATA", "")

TOPICS: dict[str, Any] = {
    "mapping": {"type": TOPIC, "key": "Code"},
    "column": [
        {"from": "Name", "field": "name"},
        {"from": "Group", "field": "group", "values": {"Roads": "streets", "Green": "parks"}, "unknown": "refuse"},
        {"from": "Days", "field": "target_days"},
    ],
}
TICKETS: dict[str, Any] = {
    "mapping": {"type": TICKET, "key": "Id"},
    "column": [
        {"from": "What", "field": "summary"},
        {"from": "Topic", "field": "topic", "match": "name", "create": {"group": "parks", "team": "{Team}"}},
    ],
}


def mapping(town: Town, data: dict[str, Any] = TOPICS) -> ImportMapping:
    """A mapping from its parsed TOML."""
    return parse_mapping(data, "ours", town.schemas, file="ours.toml")


def written(folder: Path, text: str) -> Path:
    """A CSV file with this text."""
    path = folder / "topics.csv"
    path.write_text(text, encoding="utf-8")
    return path


def bring(town: Town, path: Path, data: dict[str, Any] = TOPICS, **options: Any) -> ImportSummary:
    """Import a file."""
    return run_import(town, DOOR, mapping(town, data), open_csv(path), **options)


def names(town: Town, identity: str = TOPIC) -> set[str]:
    """Titles of all records of a type."""
    return {record.title for record in town.records.find(system(), identity, limit=1000).records}


def many(count: int) -> str:
    """Topics by the hundred."""
    return "Code,Name,Group,Days\n" + "".join(f"{n},Topic {n},Roads,{n % 9}\n" for n in range(count))


def test_a_bad_row_is_set_aside_and_its_neighbours_stay(town: Town, tmp_path: Path) -> None:
    """Refused rows keep nobody out; each says its line and why, and their file can be mended and tried again."""
    path = written(
        tmp_path,
        "Code,Name,Group,Days\n1,Potholes,roads,5\n2,,roads,5\n3,Trees,woods,5\n4,Benches,GREEN,soon\n5,Lamps\n6,Bins,,\n",
    )
    summary = bring(town, path)
    assert (summary.created, summary.skipped, summary.rows) == (2, 0, 6)
    assert names(town) == {"Potholes", "Bins"}
    refused = tmp_path / "refused.csv"
    write_refused(summary, open_csv(path), refused)
    with refused.open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.reader(file))
    assert lines[0] == ["refused line", "refused because", "Code", "Name", "Group", "Days"]
    assert [line[0] for line in lines[1:]] == ["3", "4", "5", "6"]
    assert "name" in lines[1][1]
    assert "“woods” is not in the mapping's list of values" in lines[2][1]
    assert "has 2 cells where the header has 4" in lines[4][1]
    refused.write_text(
        refused.read_text(encoding="utf-8-sig").replace("woods", "green").replace("soon", "3"), encoding="utf-8"
    )
    again = bring(town, refused)
    assert (again.created, names(town)) == (2, {"Potholes", "Bins", "Trees", "Benches"})
    assert sorted(reason for _, reason in again.refused)[0] == "has 2 cells where the header has 4"
    write_refused(again, open_csv(refused), refused)
    refused.write_text(refused.read_text(encoding="utf-8-sig").replace("Lamps", "Lamps,,"), encoding="utf-8")
    third = bring(town, refused)
    assert (third.created, len(third.refused), "Lamps" in names(town)) == (1, 1, True)


def test_a_reason_is_told_once_for_all_fields_that_it_concerns(town: Town, tmp_path: Path) -> None:
    """A rule about two fields, and one about a part of a field, are one sentence each."""
    data = {
        "mapping": {"type": CONTACT},
        "column": [{"from": "Kind", "field": "kind"}, {"from": "Phone", "field": "phones.0.number"}],
    }
    summary = bring(town, written(tmp_path, "Kind,Phone\nperson,12\n"), data)
    ((_, reason),) = summary.refused
    assert "given_name, family_name: Enter a first name or a last name." in reason
    assert reason.count("Enter a phone number") == 1
    assert "phones.0.number: " in reason


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("ST MARY'S WOMEN’S 3RD GUILD", "St Mary's Women’s 3rd Guild"),
        ("O'BRIEN-smith & D’ARCY", "O'Brien-Smith & D’Arcy"),
        ("ÉCOLE (OLD TOWN) 24A", "École (Old Town) 24a"),
    ],
)
def test_capitals_are_set_as_people_write_them(town: Town, tmp_path: Path, text: str, title: str) -> None:
    """Files in capitals become titles without a capital after an apostrophe or a number."""
    data = {"mapping": {"type": TOPIC}, "column": [{"from": "Name", "field": "name", "case": "title"}]}
    bring(town, written(tmp_path, f"Name\n{text}\n"), data)
    assert names(town) == {title}


def test_columns_that_fill_nothing_are_named(town: Town, tmp_path: Path) -> None:
    """Without a mapping a misspelt column isn't dropped in silence."""
    path = written(tmp_path, "nmae,Group,Mood\nPotholes,streets,good\n")
    summary = import_file(town, TOPIC, path, dry_run=True)
    assert summary.left_out == ["“nmae” (did you mean “name”?)", "“Mood”"]
    assert import_file(town, TOPIC, path.with_suffix(".refused.csv"), dry_run=True).left_out == summary.left_out


def test_a_repeat_adds_only_what_is_missing(town: Town, tmp_path: Path) -> None:
    """A row whose key is there is skipped, twice in one file as well as in the next one."""
    path = written(tmp_path, "Code,Name,Group,Days\n1,Potholes,,\n1,Potholes again,,\n2,Trees,,\n")
    first = bring(town, path)
    assert (first.created, first.skipped) == (2, 1)
    second = bring(town, written(tmp_path, "Code,Name,Group,Days\n3,Lamps,,\n2,Trees,,\n1,Potholes,,\n"))
    assert (second.created, second.skipped, names(town)) == (1, 2, {"Potholes", "Trees", "Lamps"})


def test_several_columns_can_name_a_row(town: Town, tmp_path: Path) -> None:
    """Where no column names a row, a list of them does; a row without any of them is refused."""
    data = {**TOPICS, "mapping": {"type": TOPIC, "key": ["Code", "Days"]}}
    path = written(tmp_path, "Code,Name,Group,Days\n1,Potholes,,1\n1,Trees,,2\n,Lamps,,3\n,Bins,,\n")
    summary = bring(town, path, data)
    assert (summary.created, len(summary.refused)) == (3, 1)
    assert summary.refused[0][1] == "Code and Days is empty; it names the row"
    assert bring(town, path, data).skipped == 3


def test_a_dry_run_keeps_nothing(town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It tells the same figures, linked records counted once however many batches need them, and leaves no trace."""
    monkeypatch.setattr(running, "BATCH", 3)
    lines = "".join(f"{n},Hole {n},Potholes,Roads\n" for n in range(10))
    path = written(tmp_path, f"Id,What,Topic,Team\n{lines}10,,Potholes,Roads\n")
    dry = bring(town, path, TICKETS, dry_run=True)
    assert (dry.created, dry.linked, len(dry.refused)) == (10, 1, 1)
    assert names(town) == names(town, TICKET) == set()
    assert town.system.history.select().count() == 0
    real = bring(town, path, TICKETS)
    assert (real.created, real.linked, len(real.refused)) == (dry.created, dry.linked, len(dry.refused))


def test_links_are_found_or_made(town: Town, tmp_path: Path) -> None:
    """A link's text finds the record whatever its letter case, or makes it with further cells of its row."""
    there = make_topic(town, questions=None)
    path = written(tmp_path, "Id,What,Topic,Team\n1,Hole,POTHOLES,\n2,Branch,Trees,Crew\n3,Twig,trees,\n4,Bee,,\n")
    summary = bring(town, path, TICKETS)
    assert (summary.created, summary.linked, [row.line for row, _ in summary.refused]) == (3, 1, [5])
    tickets = {record["summary"]: record for record in town.records.find(system(), TICKET).records}
    assert tickets["Hole"]["topic"] == there.id
    assert tickets["Branch"]["topic"] == tickets["Twig"]["topic"]
    made = town.records.get(system(), TOPIC, tickets["Twig"]["topic"])
    assert (made["group"], made["team"]) == ("parks", "Crew")


def test_a_link_without_a_match_is_refused(town: Town, tmp_path: Path) -> None:
    """Without `create` a text that names nothing, or two records, refuses its row in words."""
    data = {**TICKETS, "column": [TICKETS["column"][0], {"from": "Topic", "field": "topic", "match": "team"}]}
    make_topic(town, "A", team="Twins", questions=None)
    make_topic(town, "B", team="Twins", questions=None)
    summary = bring(town, written(tmp_path, "Id,What,Topic\n1,Hole,Nobody\n2,Hole,Twins\n"), data)
    assert [reason for _, reason in summary.refused] == [
        "Topic: there is no topic called “Nobody”",
        "Topic: more than one topic is called “Twins”",
    ]


def test_a_missing_column_is_one_sentence(town: Town, tmp_path: Path) -> None:
    """A file that lacks a column of the mapping is refused before anything is read, with what it has instead."""
    with pytest.raises(ConfigurationError, match=r"has no column “Group”.* Its columns are: Code, Name, Days"):
        bring(town, written(tmp_path, "Code,Name,Days\n1,Potholes,2\n"))
    with pytest.raises(ConfigurationError, match="No column of the file is called like a field"):
        find_mapping(town, "", TOPIC, ("Nom", "Groupe"))
    with pytest.raises(ConfigurationError, match=r"There is no mapping “nope”.*Shipped are: trafford_charities"):
        find_mapping(town, "nope", TOPIC, ("Name",))
    with pytest.raises(ConfigurationError, match=f"is for {CONTACT}, not for {TOPIC}"):
        find_mapping(town, "trafford_charities", TOPIC, ("Name",))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"mapping": {"type": "desk.topik"}}, "no type “desk.topik”; did you mean “desk.topic”"),
        ({"mapping": {"type": TOPIC, "kee": "x"}}, "mapping.kee: no such key; did you mean “key”"),
        ({"mapping": {"type": TOPIC, "key": 5}}, "mapping.key: should be a text or a list of texts"),
        ({"mapping": "topics"}, "mapping: should be a table"),
        ({"colum": []}, "colum: no such key; did you mean “column”"),
        ({"column": "Name"}, r"column: should be tables, each under \[\[column\]\]"),
        ({"column": []}, "there is no"),
        ({"column": [{"from": "Name", "field": "nam"}]}, "column 1.field: desk.topic has no field “nam”; did you mean"),
        ({"column": [{"field": "name"}]}, "column 1.from: names no column of the file"),
        ({"column": [{"from": [1], "field": "name"}]}, "column 1.from: should be a list of texts"),
        ({"column": [{"from": "Name", "field": "name", "match": "name"}]}, "column 1.match: “name” is not a link"),
        ({"column": [{"from": "Name", "field": "name", "case": "loud"}]}, "column 1.case: “loud” is none of sentence"),
        ({"column": [{"from": "Name", "field": "name", "pattern": "("}]}, "column 1.pattern: is no regular expression"),
        ({"column": [{"from": "Name", "field": "name", "values": "x"}]}, "column 1.values: should be a table"),
        (
            {"mapping": {"type": CONTACT}, "column": [{"from": "A", "field": "addresses.0.address.postcode"}]},
            "“addresses.0.address” has no part “postcode”; there are line1, line2, city, region, postal_code, country",
        ),
        (
            {"mapping": {"type": TICKET}, "column": [{"from": "Lat", "field": "place.lat"}]},
            "column 1.field: “place” has no part “lat”; there are latitude, longitude",
        ),
        ({"set": 5}, "set: should be a table"),
        ({"set": {"naem": "x"}}, "set.field: desk.topic has no field “naem”; did you mean “name”"),
    ],
)
def test_a_mistake_in_a_mapping_is_a_sentence(town: Town, change: dict[str, Any], sentence: str) -> None:
    """Every mistake names the file, the place and, where something is close, what was meant."""
    with pytest.raises(ConfigurationError, match=sentence) as caught:
        mapping(town, {**TOPICS, **change})
    assert str(caught.value).startswith("ours.toml: ")


def test_all_mistakes_are_told_at_once(town: Town) -> None:
    """One run shows everything that is wrong with a mapping."""
    columns = [{"from": "A", "field": "nam"}, {"from": "B", "field": "x"}]
    for data, count in (
        ({"mapping": {"type": TOPIC, "key": 1}, "column": [*columns, {"from": 3, "field": "name"}]}, 2),
        ({"mapping": {"type": "desk.topi"}, "column": []}, 2),
        ({"mapping": {"type": TOPIC}, "column": columns, "set": {"z": 1}}, 3),
    ):
        with pytest.raises(ConfigurationError) as caught:
            mapping(town, data)
        assert len(str(caught.value).splitlines()) == count


@pytest.mark.parametrize("delimiter", [";;", "", '"', " "])
def test_a_separator_is_one_character(tmp_path: Path, delimiter: str) -> None:
    """Anything else is said, except nothing: then it is found out; `tab` has a name."""
    path = written(tmp_path, "A;B\n1;2\n")
    if delimiter:
        with pytest.raises(ConfigurationError, match="give one character"):
            open_csv(path, delimiter=delimiter)
    else:
        assert open_csv(path).columns == ("A", "B")
    assert open_csv(written(tmp_path, "A\tB\n1\t2\n"), delimiter="tab").columns == ("A", "B")


@pytest.mark.parametrize(
    "text", ["=1+1", "@here", "+a", "-b", "'=1+1", "''=x", "'s morgens", "-5", "+1.5", "plain", "'"]
)
def test_formulas_are_harmless_and_come_back(text: str) -> None:
    """What a spreadsheet would run gets an apostrophe on the way out and loses it on the way in; the rest stays."""
    assert harmless(text)[:1] not in ("=", "@")
    assert as_written(harmless(text)) == text


def test_an_export_can_be_imported(make_town: Callable[..., Town], tmp_path: Path) -> None:
    """What one town exports another one reads, without a mapping file, formulas and line breaks included."""
    here, there = make_town("desk"), make_town("desk")
    for name in ("=cmd()", "Ünder\u200f the bridge 😀", 'Said "yes", twice', "'=quoted"):
        make_topic(here, name)
    text = "".join(csv_lines(here, system(), here.schemas[TOPIC], None))
    path = tmp_path / "export.csv"
    path.write_text(text, encoding="utf-8", newline="")
    source = open_csv(path)
    summary = run_import(there, DOOR, find_mapping(there, "", TOPIC, source.columns), source)
    assert (summary.refused, summary.created) == ([], 4)
    for record in here.records.find(system(), TOPIC).records:
        (copy,) = there.records.find(system(), TOPIC, {"name": record["name"]}).records
        assert dict(copy.values) == dict(record.values)


def test_exported_rows_come_back_too(make_town: Callable[..., Town], tmp_path: Path) -> None:
    """Telephones, addresses and what else a contact has several of stand in one cell each, and are read from it."""
    here, there = make_town(), make_town()
    address = {"line1": "2 Bridge Street; rear", "city": "Millbrook", "postal_code": "45013", "country": "US"}
    here.records.create(
        system(),
        CONTACT,
        {
            "kind": "person",
            "family_name": "Moreau",
            "phones": [{"number": "+1 513 555 0142", "label": "home"}, {"number": "+1 513 555 0143"}],
            "emails": [{"address": "z.moreau@post.example", "primary": True}],
            "addresses": [{"address": address, "place": "39.1, -84.5"}],
        },
    )
    other = here.records.create(system(), CONTACT, {"kind": "person", "family_name": "Nobody"})
    friend = {"relationships": [{"contact": other.id, "role": "Carer", "may_speak": True}]}
    here.records.create(system(), CONTACT, {"kind": "person", "family_name": "Carer", **friend})
    path = tmp_path / "contacts.csv"
    path.write_text("".join(csv_lines(here, system(), here.schemas[CONTACT], None)), encoding="utf-8", newline="")
    summary = import_file(there, CONTACT, path)
    assert (summary.refused, summary.created, summary.numbered) == ([], 3, ["relationships"])
    (carer,) = there.records.find(system(), CONTACT, {"family_name": "Carer"}).records
    assert carer["relationships"] is None, "the number may be somebody else's here"
    for name in ("Moreau", "Nobody"):
        (was,) = here.records.find(system(), CONTACT, {"family_name": name}).records
        (copy,) = there.records.find(system(), CONTACT, {"family_name": name}).records
        assert {key: copy[key] for key in ("phones", "emails", "addresses")} == {
            key: was[key] for key in ("phones", "emails", "addresses")
        }


def test_a_refused_file_that_can_not_be_written_is_said(town: Town, tmp_path: Path) -> None:
    """The import stays as it is, and the sentence says how to come by the refused rows."""
    path = written(tmp_path, "Code,Name,Group,Days\n1,,,\n2,Trees,,\n")
    summary = bring(town, path)
    with pytest.raises(ConfigurationError, match=r"1 refused rows can't be written .* --refused"):
        write_refused(summary, open_csv(path), tmp_path / "nowhere" / "refused.csv")
    with pytest.raises(ConfigurationError, match=r"This was a dry run: nothing was kept; name another file"):
        write_refused(summary, open_csv(path), tmp_path / "nowhere" / "refused.csv", dry_run=True)
    assert names(town) == {"Trees"}


#: Imports in batches of ten, and dies without a word in the middle of the third one, after its rows were written.
KILLED = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[4])
from test_imports import DOOR, mapping
from townhall.imports import running
from townhall.imports.csv_files import open_csv
from townhall.records.service import Records
from townhall.town import Town

town = Town.open(Path(sys.argv[1]), database=sys.argv[2] or None)
running.BATCH = 10
original, calls = Records.import_rows, []

def import_rows(*arguments, **options):
    outcomes = original(*arguments, **options)
    calls.append(outcomes)
    if len(calls) == 3:
        os._exit(9)
    return outcomes

Records.import_rows = import_rows
running.run_import(town, DOOR, mapping(town), open_csv(Path(sys.argv[3])))
"""


def test_an_import_that_is_killed_goes_on(town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill in the middle leaves whole batches and no half one, and the same command brings what is missing."""
    path = written(tmp_path, many(45))
    script = tmp_path / "killed.py"
    script.write_text(KILLED, encoding="utf-8")
    url = str(town.database.database) if town.database.engine == "postgresql" else ""
    here = str(Path(__file__).parent)
    paths = os.pathsep.join([here, str(Path(__file__).parents[1] / "support")])
    killed = subprocess.run(
        [sys.executable, str(script), str(town.instance), url, str(path), here],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.returncode == 9, killed.stderr
    assert town.records.count(system(), TOPIC).value == 20
    assert town.system.history.select().count() == 20
    monkeypatch.setattr(running, "BATCH", 10)
    summary = bring(town, path)
    assert (summary.created, summary.skipped, summary.refused) == (25, 20, [])
    assert town.system.history.select().count() == 45


def test_who_may_not_import_imports_nothing(town: Town, clerk: Actor, tmp_path: Path) -> None:
    """Nobody who works here does, also through a mapping that makes linked records on the way: nothing is left."""
    source = open_csv(written(tmp_path, "Id,What,Topic,Team\n1,Hole,Trees,\n"))
    with pytest.raises(Forbidden):
        run_import(town, clerk, mapping(town, TICKETS), source)
    assert names(town) == names(town, TICKET) == set()


REAL = [
    ("nyc311", "complaints.service_request", "complaints_311/311_NYC_requests_clean.csv", (19_859, 0, 0)),
    ("nyc311_raw", "complaints.service_request", "complaints_311/sample_311.csv", (8, 0, 0)),
    (
        "trafford_charities",
        "core.contact",
        "contacts/trafford_orgs/charities_operating_in_trafford.csv",
        (733, 0, 3),
    ),
    (
        "chicago_licences",
        "economic_development.business",
        "economic_development/chicago_sample/Business_Licenses.csv",
        (140, 420, 1),
    ),
    ("nyc_jobs", "recruitment.posting", "recruitment/NYC_Jobs.csv", (2_073, 1_700, 0)),
    ("maryland_grants", "grants.award", "grants/maryland/big_grants.csv", (103, 0, 0)),
]


@pytest.mark.skipif(not DATA, reason="TOWNHALL_TEST_DATA names no folder with the public data sets")
@pytest.mark.parametrize(("name", "identity", "file", "counts"), REAL, ids=[name for name, *_ in REAL])
def test_shipped_mappings_read_the_real_files(
    make_town: Callable[..., Town], name: str, identity: str, file: str, counts: tuple[int, int, int]
) -> None:
    """Every row of the data set becomes a record, is the same as one before it, or is refused; a repeat adds none."""
    plugin = identity.partition(".")[0]
    town = make_town(*(() if plugin == "core" else (plugin,)))
    source = open_csv(Path(DATA) / file)
    chosen = find_mapping(town, name, identity, source.columns)
    source = open_csv(Path(DATA) / file, encoding=chosen.encoding, delimiter=chosen.delimiter)
    summary = run_import(town, DOOR, chosen, source)
    assert (summary.created, summary.skipped, len(summary.refused)) == counts
    assert town.records.count(system(), identity, cap=100_000).value >= summary.created
    again = run_import(town, DOOR, chosen, source)
    assert (again.created, again.skipped) == (0, counts[0] + counts[1])
