"""Dumps of a PostgreSQL database: written by its own ``pg_dump``, and brought back in one transaction by ``psql``.

The password goes by the environment, where no list of processes shows it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from townhall.db.engines import PostgresqlEngine
from townhall.errors import ConfigurationError

#: Seconds that a connection which may just be closing is waited for.
_PATIENCE = 3.0
#: What newer programs write that an older server doesn't know, and that changes nothing of what is brought back.
_UNKNOWN_TO_OLDER = (b"SET transaction_timeout",)


def may_dump(database: PostgresqlEngine) -> bool:
    """Whether there is a ``pg_dump`` that understands this server."""
    program = shutil.which("pg_dump")
    if program is None:
        return False
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    found = re.search(r"(\d+)", told)
    return found is not None and int(found[1]) >= _server(database)


def dump(database: PostgresqlEngine, file: Path, *options: str) -> None:
    """Write a dump for ``pg_restore``. Raises :class:`OSError` with the last line that the program said."""
    command = [str(shutil.which("pg_dump")), "--format=custom", f"--file={file}", *options]
    environment = _environment(database)
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603
    if done.returncode:
        raise OSError(_last_line(done.stderr) or "pg_dump failed")
    file.chmod(0o600)


def schema_of(database: PostgresqlEngine) -> str:
    """The schema in which the town's tables are."""
    return str(database.execute_sql("SELECT current_schema()").fetchone()[0])


def size(database: PostgresqlEngine) -> int:
    """Bytes that the database takes on its server."""
    return int(database.execute_sql("SELECT pg_database_size(current_database())").fetchone()[0])


def snapshot(database: PostgresqlEngine) -> str:
    """What the transaction of the caller sees, as a name by which ``pg_dump`` sees the same."""
    return str(database.execute_sql("SELECT pg_export_snapshot()").fetchone()[0])


def others(database: PostgresqlEngine) -> int:
    """How many connections to the same database others have open. One that was just closed is waited for."""
    asked = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND usename IS NOT NULL"
    )
    until = time.monotonic() + _PATIENCE
    # The server may know for a moment longer of whoever has gone, such as this process itself.
    while (count := int(database.execute_sql(asked).fetchone()[0])) and time.monotonic() < until:
        time.sleep(0.05)
    return count


def require_programs() -> None:
    """Raise :class:`~townhall.errors.ConfigurationError` if nothing here can bring a dump back."""
    missing = [name for name in ("pg_restore", "psql") if shutil.which(name) is None]
    if missing:
        raise ConfigurationError(
            f"{' and '.join(missing)} can't be found here. Install the programs of PostgreSQL (the package is called "
            "postgresql-client on most systems) and try again."
        )


def bring_back(
    database: PostgresqlEngine,
    file: Path,
    statements: Sequence[str],
    alone: Callable[[], None] = lambda: None,
) -> None:
    """Put what a dump holds in the place of everything that the town's schema has, as a whole or not at all.

    ``statements`` run at the end of the same transaction; ``alone`` is called before it begins, and may raise. If this
    process dies meanwhile, the server undoes everything. Raises :class:`OSError` with what the programs said.
    """
    schema, clearing = schema_of(database), _clearing(database)
    alone()
    read = [
        str(shutil.which("pg_restore")),
        f"--schema={schema}",
        "--no-owner",
        "--no-privileges",
        "--file=-",
        str(file),
    ]
    write = [str(shutil.which("psql")), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as answered:
        source = subprocess.Popen(read, stdout=subprocess.PIPE, stderr=said)  # noqa: S603
        target = subprocess.Popen(  # noqa: S603
            write, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=answered, env=_environment(database)
        )
        assert source.stdout is not None  # noqa: S101  # it is a pipe
        assert target.stdin is not None  # noqa: S101
        try:
            _send(target.stdin, ["BEGIN", "SET LOCAL lock_timeout = '30s'", *clearing])
            for line in source.stdout:
                if not line.startswith(_UNKNOWN_TO_OLDER):
                    target.stdin.write(line)
            if source.wait():
                raise OSError(_last_line(_text(said)) or "pg_restore failed")
            _send(target.stdin, [*statements, "COMMIT"])
            target.stdin.close()
        except BrokenPipeError:
            pass  # psql says why
        except BaseException:
            # Without a COMMIT the server undoes what was done so far.
            target.kill()
            raise
        finally:
            with suppress(OSError):
                target.stdin.close()
            source.kill()
            source.stdout.close()
            source.wait()
            target.wait()
        if target.returncode:
            raise OSError(_last_line(_text(answered)) or "psql failed")


def _send(target: IO[bytes], statements: Sequence[str]) -> None:
    target.write("".join(f"{statement};\n" for statement in statements).encode())
    target.flush()


def _clearing(database: PostgresqlEngine) -> list[str]:
    """Statements that take away what the town has in its schema: its own tables and functions, and nobody else's."""
    tables = database.execute_sql(
        "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables"
        " WHERE schemaname = current_schema() AND tableowner = current_user ORDER BY 1"
    ).fetchall()
    functions = database.execute_sql(
        "SELECT quote_ident(nspname) || '.' || quote_ident(proname) || '('"
        " || pg_get_function_identity_arguments(pg_proc.oid) || ')' FROM pg_proc"
        " JOIN pg_namespace ON pronamespace = pg_namespace.oid WHERE nspname = current_schema()"
        " AND pg_get_userbyid(proowner) = current_user AND NOT EXISTS"
        " (SELECT 1 FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e') ORDER BY 1"
    ).fetchall()
    return [
        *(f"DROP TABLE IF EXISTS {name} CASCADE" for (name,) in tables),
        *(f"DROP FUNCTION IF EXISTS {name} CASCADE" for (name,) in functions),
    ]


def _server(database: PostgresqlEngine) -> int:
    """The server's main version."""
    return int(database.execute_sql("SHOW server_version_num").fetchone()[0]) // 10_000


def _environment(database: PostgresqlEngine) -> dict[str, str]:
    info = database.connection().info
    given = {"PGHOST": info.host, "PGPORT": info.port, "PGUSER": info.user, "PGPASSWORD": info.password}
    given["PGDATABASE"] = info.dbname
    return os.environ | {name: str(value) for name, value in given.items() if value}


def _text(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode("utf-8", "replace")


def _last_line(said: str) -> str:
    lines = [line for line in said.strip().splitlines() if line.strip()]
    # PostgreSQL writes the mistake first and then where it stands.
    wrong = [line for line in lines if "ERROR:" in line or "error:" in line]
    return (wrong or lines or [""])[-1].strip().rstrip(".")
