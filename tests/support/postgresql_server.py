"""A PostgreSQL server for one run of the tests, started from the installed package and thrown away afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from psycopg import Connection

#: Seconds until it must be there: it is at once, unless the machine is very busy.
PATIENCE = 300
PORT = 5432  # only the name of a socket in our own folder
#: Bytes of a table's file up to which its rows are deleted and not truncated away: one page, in which rows that come
#: later stand behind those that were there, so that no test reads them in another order than in a new table.
ONE_PAGE = 8192
#: What tells the tables, columns, indexes, sequences, triggers and functions of a database apart from others. What is
#: copied keeps its number, and what is made later has another one.
_SHAPE = """
SELECT format(
    '%s %s %s %s %s', count(*), sum(attrelid::bigint), sum(hashtext(attname)::bigint * atttypid::bigint),
    (SELECT sum(oid::bigint * ascii(tgenabled)) FROM pg_trigger WHERE NOT tgisinternal),
    (SELECT sum(hashtext(prosrc)::bigint) FROM pg_proc WHERE pronamespace = 'public'::regnamespace)
)
FROM pg_attribute WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
"""
#: Tables that hold, or held, a row, with how large they are.
_FILLED = """
SELECT relname, pg_relation_size(oid) FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0
"""


@dataclass(frozen=True)
class PostgresqlServer:
    """A running server; ``problem`` says why there is none."""

    sockets: Path
    problem: str = ""
    #: Databases that are like their template again, by template.
    idle: dict[str, list[str]] = field(default_factory=dict)
    #: The database that was given back last, with our connection to it: the next one is mostly the same.
    last: dict[str, Connection[Any]] = field(default_factory=dict)

    def url(self, database: str) -> str:
        """How a town is told to use ``database``."""
        return f"postgresql://postgres@/{database}?host={self.sockets}&port={PORT}"

    def create(self) -> str:
        """A new, empty database; its name."""
        name = f"t{uuid.uuid4().hex}"
        self._run("postgres", f"CREATE DATABASE \"{name}\" ENCODING 'UTF8' TEMPLATE template0")
        return name

    def keep(self, template: str) -> None:
        """Remember in the database itself what it holds now, so that copies of it can be set back."""
        with self._connect(template) as connection:
            (shape,) = connection.execute(_SHAPE).fetchone()
            filled = [table for table, _ in connection.execute(_FILLED).fetchall()]
            connection.execute("CREATE SCHEMA pristine")
            connection.execute("CREATE TABLE pristine.all_told AS SELECT %s::text AS shape", (shape,))
            for table in filled:
                connection.execute(f'CREATE TABLE pristine."{table}" AS TABLE "{table}"')
            connection.execute(
                "CREATE TABLE pristine.all_sequences AS "
                "SELECT format('%I', sequencename)::regclass AS sequence, last_value AS last, start_value AS start "
                "FROM pg_sequences WHERE schemaname = 'public'"
            )

    def copy(self, template: str) -> str:
        """A database just like ``template``: one that was given back, or a new copy."""
        if self.idle.get(template):
            return self.idle[template].pop()
        name = f"t{uuid.uuid4().hex}"
        self._run("postgres", f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
        return name

    def give_back(self, name: str, template: str) -> None:
        """Set a copy back to how its template is; if that is too much work, delete it."""
        import psycopg

        try:
            restored = _restore(self._connection(name))
        except psycopg.Error:
            restored = False
        if restored:
            self.idle.setdefault(template, []).append(name)
        else:
            self.let_go()
            self._run("postgres", f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def let_go(self) -> None:
        """Close the connection that is kept open."""
        for connection in self.last.values():
            connection.close()
        self.last.clear()

    def _connection(self, name: str) -> Connection[Any]:
        """A connection to a database, which stays open: most of the work is to begin with a new one."""
        if name not in self.last:
            self.let_go()
            self.last[name] = self._connect(name)
        return self.last[name]

    def _connect(self, database: str) -> Any:
        import psycopg

        return psycopg.connect(self.url(database), autocommit=True)

    def _run(self, database: str, statement: str) -> None:
        with self._connect(database) as connection:
            connection.execute(statement)


def _restore(connection: Connection[Any]) -> bool:
    """Empty every table that has rows and put the template's rows back; whether the tables are still the same ones."""
    same = connection.execute(f"SELECT shape = ({_SHAPE}) FROM pristine.all_told").fetchone()
    if same != (True,):
        return False
    filled = connection.execute(_FILLED).fetchall()
    kept = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'pristine'").fetchall()
    large = ", ".join(f'"{table}"' for table, size in filled if size > ONE_PAGE)
    # In a copy no trigger has anything to say: neither what guards history, nor what keeps rows of other rows together.
    steps = ["BEGIN", "SET LOCAL lock_timeout = '2s'", "SET LOCAL session_replication_role = replica"]
    steps += [f"TRUNCATE {large} CASCADE"] if large else []
    steps += [f'DELETE FROM "{table}"' for table, size in filled if size <= ONE_PAGE]
    steps += [
        f'INSERT INTO "{table}" SELECT * FROM pristine."{table}"' for (table,) in kept if not table.startswith("all_")
    ]
    steps += ["SELECT setval(sequence, coalesce(last, start), last IS NOT NULL) FROM pristine.all_sequences", "COMMIT"]
    try:
        connection.execute("; ".join(steps))
    finally:
        connection.rollback()
    return True


@contextmanager
def start_server() -> Iterator[PostgresqlServer]:
    """Start a server in a temporary folder; stop it and delete the folder at the end."""
    programs = _programs()
    if programs is None:
        yield PostgresqlServer(Path(), "its programs were not found; install Debian's package postgresql")
        return
    # The path of a socket must be short, and the server must not run as root.
    folder = Path(tempfile.mkdtemp(prefix="thpg"))
    prefix: list[str] = []
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
        prefix = ["runuser", "-u", "postgres", "--"]
    data = folder / "data"
    try:
        server = PostgresqlServer(folder, _start(programs, prefix, folder, data))
        yield server
        server.let_go()
    finally:
        subprocess.run(
            [*prefix, str(programs / "pg_ctl"), "-D", str(data), "-m", "immediate", "-w", "stop"],
            capture_output=True,
            check=False,
            cwd=folder,
        )
        shutil.rmtree(folder, ignore_errors=True)


def _start(programs: Path, prefix: list[str], folder: Path, data: Path) -> str:
    """Make the cluster and start it; why that failed, or nothing."""
    options = (
        f"-k {folder} -p {PORT} -c listen_addresses='' -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        # It would go through hundreds of databases that nobody opens a second time.
        " -c autovacuum=off"
    )
    control = [str(programs / "pg_ctl"), "-D", str(data)]
    steps = (
        [str(programs / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
        [*control, "-o", options, "-l", str(folder / "log"), "-w", "-t", str(PATIENCE), "start"],
    )
    for step in steps:
        done = subprocess.run([*prefix, *step], capture_output=True, text=True, check=False, cwd=folder)
        if done.returncode:
            return (done.stderr or done.stdout).strip()
    return ""


def _programs() -> Path | None:
    """The folder with initdb and pg_ctl: Debian keeps them off the path, by version."""
    on_path = shutil.which("initdb")
    if on_path is not None and shutil.which("pg_ctl"):
        return Path(on_path).parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return versions[-1].parent if versions else None
