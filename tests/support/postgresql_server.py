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
from typing import Any

#: Seconds until it must be there: it is at once, unless the machine is very busy.
PATIENCE = 300
PORT = 5432  # only the name of a socket in our own folder


@dataclass(frozen=True)
class PostgresqlServer:
    """A running server; ``problem`` says why there is none."""

    sockets: Path
    problem: str = ""
    #: Databases that are like their template again, by template.
    idle: dict[str, list[str]] = field(default_factory=dict)

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
            connection.execute("CREATE SCHEMA pristine")
            connection.execute("CREATE TABLE pristine.all_tables AS SELECT unnest(%s::text[])", (_tables(connection),))
            connection.execute("CREATE TABLE pristine.all_sequences (sequence regclass, last bigint)")
            for table in _tables(connection):
                if connection.execute(f'SELECT 1 FROM "{table}" LIMIT 1').fetchone():
                    connection.execute(f'CREATE TABLE pristine."{table}" AS TABLE "{table}"')
                    if _has_id(connection, table):
                        last = f"SELECT pg_get_serial_sequence('\"{table}\"', 'id')::regclass, max(id) FROM \"{table}\""
                        connection.execute(f"INSERT INTO pristine.all_sequences {last}")

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
            with self._connect(name) as connection:
                restored = _restore(connection)
        except psycopg.Error:
            restored = False
        if restored:
            self.idle.setdefault(template, []).append(name)
        else:
            self._run("postgres", f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _connect(self, database: str) -> Any:
        import psycopg

        return psycopg.connect(self.url(database), autocommit=True)

    def _run(self, database: str, statement: str) -> None:
        with self._connect(database) as connection:
            connection.execute(statement)


def _tables(connection: Any) -> list[str]:
    found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
    return [row[0] for row in found.fetchall()]


def _has_id(connection: Any, table: str) -> bool:
    """Whether the rows of a table are numbered."""
    asked = "SELECT 1 FROM pg_attribute WHERE attrelid = %s::regclass AND attname = 'id'"
    return connection.execute(asked, (f'"{table}"',)).fetchone() is not None


def _restore(connection: Any) -> bool:
    """Empty every table that has rows and put the template's rows back; whether the tables are still the same ones."""
    tables = _tables(connection)
    if tables != [row[0] for row in connection.execute("SELECT * FROM pristine.all_tables ORDER BY 1").fetchall()]:
        return False
    asked = " UNION ALL ".join(f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM \"{table}\")" for table in tables)
    filled = [row[0] for row in connection.execute(asked).fetchall()]
    kept = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'pristine'").fetchall()
    with connection.transaction():
        connection.execute("SET LOCAL lock_timeout = '2s'")
        if filled:
            names = ", ".join(f'"{table}"' for table in filled)
            connection.execute(f"TRUNCATE {names} RESTART IDENTITY CASCADE")
        for (table,) in kept:
            if not table.startswith("all_"):
                connection.execute(f'INSERT INTO "{table}" SELECT * FROM pristine."{table}"')
        connection.execute("SELECT setval(sequence, last) FROM pristine.all_sequences")
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
        problem = _start(programs, prefix, folder, data)
        yield PostgresqlServer(folder, problem)
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
