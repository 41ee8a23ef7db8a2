"""The floor: what the same fifty rows cost with a bare database driver and a bare template, and nothing else."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from jinja2 import Environment
from tests.bench.measuring import Cost
from tests.bench.measuring import cost

_QUERY = """
SELECT contact.id, contact.title, contact.number, contact.kind, contact.preferred_channel,
  (SELECT number FROM core_contact__phones WHERE parent_id = contact.id ORDER BY position LIMIT 1),
  (SELECT address FROM core_contact__emails WHERE parent_id = contact.id ORDER BY position LIMIT 1)
FROM core_contact AS contact WHERE contact.archived IS NULL AND contact.title_key >= ''
ORDER BY contact.title_key, contact.id LIMIT 50
"""
_TEMPLATE = """<!doctype html><title>{{ title }}</title><table><thead><tr><th>Name</th><th>Kind</th><th>Phone</th>
<th>E-mail</th><th>Prefers</th></tr></thead><tbody>
{% for row in rows %}<tr><td><input type="checkbox" name="pick" value="{{ row[0] }}"></td>
<td><a href="/admin/core/contact/{{ row[0] }}/">{{ row[1] }}</a> {{ row[2] }}</td>
<td>{{ row[3] }}</td><td>{{ row[5] or "" }}</td><td>{{ row[6] or "" }}</td><td>{{ row[4] or "" }}</td></tr>
{% endfor %}</tbody></table>"""


def _page(connection: Any) -> str:
    rows = connection.execute(_QUERY).fetchall()
    assert len(rows) == 50, "the floor needs fifty contacts"
    return _TEMPLATE_MADE.render(title="Contacts", rows=rows)


_TEMPLATE_MADE = Environment(autoescape=True).from_string(_TEMPLATE)


def sqlite_floor(file: Path) -> Cost:
    """The floor on SQLite."""
    with closing(sqlite3.connect(file)) as connection:
        return cost(lambda: _page(connection), runs=300)


def postgresql_floor(url: str) -> Cost:
    """The floor on PostgreSQL; the server's own CPU is not counted."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        return cost(lambda: _page(connection), runs=300)
