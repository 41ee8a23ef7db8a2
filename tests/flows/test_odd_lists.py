"""Lists of every type, asked for by every field with odd values: what can't be followed is said, and the list is there.

Which fields there are only the schemas know, so the addresses are made of those of the town.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from urllib.parse import urlencode

import pytest
from staff_client import StaffClient
from staff_client import staff_client

from townhall.records import figures
from townhall.town import Town
from townhall_forms.schema import RecordType
from townhall_forms.schema import Schemas

Pairs = list[tuple[str, str]]
VALUES = ("7", "x", "none", "core.contact:7", "²", "9" * 18, "9" * 40, "-1", "\0")
LIMITS = ("x", "2026-01-01", "0001-01-01", "9" * 40, "1e400", "-0.000001")
#: So many fields in one address, each with a value.
AT_ONCE = 12


def paths(schemas: Schemas, record_type: RecordType, followed: set[str]) -> Iterator[str]:
    """Every field of a type, the columns of its rows, and what stands behind links; each type is followed to once."""
    for name, field in record_type.all_fields.items():
        yield name
        yield from (f"{name}.{column}" for column in field.row_fields)
        target = schemas.get(field.target) if field.target else None
        if target is not None and target.identity not in followed:
            followed.add(target.identity)
            yield from (f"{name}.{inner}" for inner in target.all_fields)
        if field.type_name == "answers":
            yield f"{name}.nobody_asks_that"


def queries(found: Sequence[str]) -> Iterator[Pairs]:
    """Odd values for all paths, and every order."""
    for start in range(0, len(found), AT_ONCE):
        some = found[start : start + AT_ONCE]
        yield from ([(path, value) for path in some] for value in VALUES)
        yield from ([(f"{path}.{end}", limit) for path in some for end in ("from", "to")] for limit in LIMITS)
        yield [("columns", ",".join(some))]
    yield from ([("sort", path)] for path in found if "." not in path)


def figure_queries(record_type: RecordType, found: Sequence[str]) -> Iterator[Pairs]:
    """Figures by groups that there aren't, and by what nobody can group by."""
    measures = list(figures.MEASURES)
    for index, path in enumerate([*found, "ward", "nothing"]):
        for value in ("", "x", "9" * 40):
            yield [("figure", f"{measures[index % len(measures)]}~2026-01-01~2026-11-29~~{path}~{value}")]
    if record_type.is_case:
        for measure in measures:
            yield from ([("figure", f"{measure}~2026-01-01~2026-11-29~{of}")] for of in ("", "x", "new.9", "x.y.z"))


def failures(client: StaffClient, record_type: RecordType, wanted: Iterator[Pairs]) -> list[str]:
    """The addresses that are answered with an error of ours."""
    base = f"/admin/{record_type.identity.replace('.', '/')}/"
    if client.get(base).status_code != 200:
        return []
    addresses = (f"{base}?view=all&{urlencode(pairs)}" for pairs in wanted)
    return [address for address in addresses if client.http.get(address, follow_redirects=True).status_code != 200]


def all_failures(town: Town, who: str, plugin: str = "") -> list[str]:
    """The addresses of lists, of one plugin's types or of all, that somebody is answered with an error."""
    client, followed, wrong = staff_client(town, who), set[str](), []
    for record_type in town.schemas.values():
        if plugin in ("", record_type.plugin):
            found = list(paths(town.schemas, record_type, followed))
            wrong += failures(client, record_type, queries(found))
            wrong += failures(client, record_type, figure_queries(record_type, found))
    return wrong


@pytest.mark.long
@pytest.mark.parametrize("who", ["administrator", "viewer"])
def test_no_list_fails_however_it_is_asked(town: Town, who: str) -> None:
    """Every type, every field, values of the wrong kind, too large and of nobody: the answer is a list."""
    assert all_failures(town, who) == []


@pytest.mark.long
@pytest.mark.parametrize("plugin", ["complaints", "grants", "economic_development", "recruitment"])
@pytest.mark.parametrize("engine", ["sqlite"])
def test_no_list_of_a_module_fails_however_it_is_asked(make_town: Callable[..., Town], plugin: str) -> None:
    """The same for the types of what is shipped."""
    assert all_failures(make_town(plugin), "administrator", plugin) == []
