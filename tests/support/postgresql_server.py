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
from pathlib import Path

import pytest

PORT = 5432  # only the name of a socket in our own folder


@dataclass(frozen=True)
class PostgresqlServer:
    """A running server; ``problem`` says why there is none."""

    sockets: Path
    problem: str = ""

    def url(self, database: str) -> str:
        """How a town is told to use ``database``."""
        return f"postgresql://postgres@/{database}?host={self.sockets}&port={PORT}"

    def create(self, template: str = "") -> str:
        """A new database, empty or a copy of another; its name."""
        name = f"t{uuid.uuid4().hex}"
        copy = f' TEMPLATE "{template}"' if template else " ENCODING 'UTF8' TEMPLATE template0"
        self.run(f'CREATE DATABASE "{name}"{copy}')
        return name

    def drop(self, url: str) -> None:
        """Delete the database that ``url`` names."""
        name = url.partition("?")[0].rpartition("/")[2]
        self.run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def run(self, statement: str) -> None:
        """Run one statement as the server's superuser."""
        import psycopg

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def start_server(paths: pytest.TempPathFactory) -> Iterator[PostgresqlServer]:
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
    steps = (
        [str(programs / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
        [str(programs / "pg_ctl"), "-D", str(data), "-o", options, "-l", str(folder / "log"), "-w", "start"],
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
