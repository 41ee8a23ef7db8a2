"""Engines, transactions, the town's own tables and tables that grow."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from desk import make_topic
from towns import PLUGINS

from townhall.db import meta
from townhall.db import migration
from townhall.db.engines import describe
from townhall.db.engines import open_database
from townhall.db.transactions import after_commit
from townhall.db.transactions import immediate
from townhall.errors import ConfigurationError
from townhall.errors import PluginError
from townhall.town import Town
from townhall_forms.loading import load_schemas
from townhall_forms.loading import read_folder
from townhall_forms.schema import Schemas


def desk(town: Town, tmp_path: Path, name: str, old: str, new: str) -> Schemas:
    """The types of the plugin ``desk`` with one passage of the file ``name`` written differently."""
    folder = tmp_path / "changed"
    shutil.copytree(PLUGINS / "desk" / "schemas", folder, dirs_exist_ok=True)
    file = folder / name
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    core = Schemas({identity: each for identity, each in town.schemas.items() if each.plugin == "core"})
    return load_schemas(read_folder("desk", folder, frozenset()), core)


def table(town: Town, name: str) -> set[str]:
    """Names of the columns of a table."""
    return {column.name for column in town.database.get_columns(name)}


@pytest.mark.parametrize("url", ["sqlite:///", "sqlite://x", "sqlite:///:memory:", "mysql://x/y", "nonsense"])
def test_wrong_urls_are_sentences(url: str, tmp_path: Path) -> None:
    """A database setting that can't be understood says so, and what to write instead."""
    with pytest.raises(ConfigurationError, match="database"):
        open_database(url, tmp_path)


def test_unreachable_server_is_a_sentence_without_password(tmp_path: Path) -> None:
    """When nobody answers the message names the server and keeps the password to itself."""
    with pytest.raises(ConfigurationError) as refused:
        open_database("postgresql://clerk:hunter2@127.0.0.1:1/town", tmp_path)
    assert "127.0.0.1:1" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_passwords_are_not_shown() -> None:
    """A URL is shown with its password hidden."""
    assert describe("postgresql://a:b@db.town:5433/x") == "postgresql://a:***@db.town:5433/x"
    assert describe("sqlite:///town.db") == "sqlite:///town.db"


def test_sqlite_is_set_up_for_safety(tmp_path: Path) -> None:
    """SQLite runs with write-ahead log, foreign keys, full synchronisation and patience."""
    database = open_database("sqlite:///sub/town.db", tmp_path)
    asked = {name: database.execute_sql(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "foreign_keys")}
    assert asked == {"journal_mode": "wal", "foreign_keys": 1}
    assert database.execute_sql("PRAGMA synchronous").fetchone()[0] == 2
    assert database.execute_sql("PRAGMA busy_timeout").fetchone()[0] == 30_000
    assert database.execute_sql("PRAGMA wal_autocheckpoint").fetchone()[0] == 4_000
    assert (tmp_path / "sub" / "town.db").is_file()
    database.close_all()


def test_transactions_nest_and_roll_back(town: Town) -> None:
    """An inner transaction that fails undoes only its own part, and what waits for the commit runs once, at the end."""
    ran: list[str] = []

    def fail() -> None:
        with immediate(town.database):
            meta.put(town.system, "inner", "1")
            raise LookupError

    with immediate(town.database):
        meta.put(town.system, "outer", "1")
        after_commit(town.database, lambda: ran.append("told"))
        with pytest.raises(LookupError):
            fail()
        assert ran == []
    assert ran == ["told"]
    assert (meta.get(town.system, "outer"), meta.get(town.system, "inner")) == ("1", "")


@pytest.mark.parametrize("many", [0, 1, 4, 5, 99, 100, 556, 1_001])
def test_rows_arrive_in_few_statements(town: Town, many: int) -> None:
    """However many rows are inserted at once, each is there, in order, and few statements were needed for them."""
    town.database.execute_sql("CREATE TABLE things (id INTEGER, name TEXT)")
    asked: list[str] = []

    def note(event: Any) -> None:
        asked.append(event.sql)

    town.database.query_hooks.append(note)
    town.database.insert_rows("things", ("id", "name"), [(each, f"Thing {each}") for each in range(many)])
    town.database.query_hooks.remove(note)
    assert len(asked) <= 4
    found = town.database.execute_sql("SELECT id, name FROM things ORDER BY id").fetchall()
    assert [tuple(row) for row in found] == [(each, f"Thing {each}") for each in range(many)]


def test_a_town_that_is_there_merges_its_words_as_a_new_one_does(town: Town) -> None:
    """How many pieces SQLite's index of words may lie in is set in a town that was made before, too."""
    if town.database.engine != "sqlite":
        return
    asked = "SELECT v FROM search_words_config WHERE k = 'automerge'"
    town.database.execute_sql("INSERT INTO search_words (search_words, rank) VALUES ('automerge', 4)")
    migration.prepare_system(town.database, town.system)
    assert town.database.execute_sql(asked).fetchone() == (8,)


def test_generation_grows(town: Town) -> None:
    """Each switch raises the generation by one."""
    before = meta.generation(town.system)
    assert meta.bump_generation(town.system) == before + 1
    assert meta.generation(town.system) == before + 1


def test_preparing_twice_changes_nothing(town: Town) -> None:
    """A town that is up to date isn't touched at its next start."""
    assert migration.prepare_system(town.database, town.system) == []
    assert migration.prepare_records(town.database, town.system, town.schemas) == []


def test_new_fields_become_columns(town: Town, tmp_path: Path) -> None:
    """What a schema has and the tables lack is added, rows stay, and the ledger says what was done."""
    colour = '[fields.colour]\ntype = "text"\nunique = true\n\n[fields.details]'
    schemas = desk(town, tmp_path, "ticket.toml", "[fields.details]", colour)
    done = migration.prepare_records(town.database, town.system, schemas)
    assert {"colour", "colour_key", "details"} <= table(town, "desk_ticket")
    assert any("colour_key" in sentence for sentence in done)
    ledger = [row[0] for row in town.system.schema_version.select(town.system.schema_version.description).tuples()]
    assert set(done) <= set(ledger)
    assert migration.prepare_records(town.database, town.system, schemas) == []


def test_fields_that_go_keep_their_column(town: Town, tmp_path: Path) -> None:
    """What a schema no longer mentions stays in the table: nothing is ever dropped by itself."""
    schemas = desk(town, tmp_path, "ticket.toml", '[fields.score]\ntype = "decimal"\ndecimals = 3\n', "")
    migration.prepare_records(town.database, town.system, schemas)
    assert "score" in table(town, "desk_ticket")


def test_changed_kind_is_refused(town: Town, tmp_path: Path) -> None:
    """A field that now needs another kind of column is refused with a sentence, and nothing is changed."""
    changed = '[fields.summary]\ntype = "integer"\nrequired = true\nprivacy = "public"\n'
    old = '[fields.summary]\ntype = "text"\nrequired = true\nsearch = true\nprivacy = "public"\n'
    schemas = desk(town, tmp_path, "ticket.toml", old, changed)
    before = table(town, "desk_ticket")
    assert "desk" in migration.conflicts(town.database, town.system, schemas)
    with pytest.raises(PluginError, match=r"desk_ticket\.summary"):
        migration.prepare_records(town.database, town.system, schemas)
    assert table(town, "desk_ticket") == before


def test_new_uniqueness_needs_values_that_fit(town: Town, tmp_path: Path) -> None:
    """When records share a value that is now to be unique, the change is refused as a whole."""
    for name in ("One", "Two"):
        make_topic(town, name, team="Same")
    schemas = desk(town, tmp_path, "topic.toml", "[fields.team]", "[fields.team]\nunique = true")
    with pytest.raises(PluginError, match="unique"):
        migration.prepare_records(town.database, town.system, schemas)


def test_system_tables_grow_too(town: Town) -> None:
    """A column that a newer Townhall wants in a table of its own is added with its default in the rows there."""
    meta.put(town.system, "kept", "yes")
    town.database.execute_sql("ALTER TABLE plugin_state DROP COLUMN changed_by")
    done = migration.prepare_system(town.database, town.system)
    assert done == ['Added the column "changed_by" to "plugin_state".']
    (row,) = town.system.plugin_state.select().dicts()
    assert row["changed_by"] == ""


def test_tables_of_the_town_are_its_own(town: Town, tmp_path: Path) -> None:
    """A type whose table would be one of the town's own is refused."""
    file = tmp_path / "role.toml"
    file.write_text('[type]\nname = "role"\ntitle = "{name}"\n[fields.name]\ntype = "text"\n', encoding="utf-8")
    schemas = load_schemas(read_folder("user", tmp_path, frozenset()))
    assert "belongs to Townhall" in migration.conflicts(town.database, town.system, schemas)["user"]


def test_two_towns_share_nothing(make_town: Callable[..., Town]) -> None:
    """Models are made per town: two towns open in one process each write to their own database."""
    one, two = make_town("desk"), make_town("desk")
    meta.put(one.system, "who", "one")
    meta.put(two.system, "who", "two")
    assert (meta.get(one.system, "who"), meta.get(two.system, "who")) == ("one", "two")
