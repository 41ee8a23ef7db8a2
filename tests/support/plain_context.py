"""A context for tests of the schema language alone: a town of one page, with no database."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import UTC
from datetime import date
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from townhall_forms.context import Option
from townhall_forms.context import StoredFile
from townhall_forms.errors import Invalid


class PlainContext:
    """What fields need to know of the world, from plain dictionaries."""

    def __init__(self, **told: Any) -> None:
        self.zone = ZoneInfo(told.get("zone", "America/New_York"))
        self.currency: str = told.get("currency", "USD")
        self.language = "en"
        self.country: str = told.get("country", "US")
        self.actor_id: int | None = told.get("actor_id", 7)
        #: Records that links can point at: identity -> id -> values (``title`` among them).
        self.records: dict[str, dict[int, dict[str, Any]]] = told.get("records", {})
        self.files: dict[str, StoredFile] = {}
        self.people = (Option(7, "Ruth Okafor"), Option(8, "Jan Novák"), Option(9, "Jan Novak"))

    def now(self) -> datetime:
        return datetime(2026, 11, 23, 15, 0, tzinfo=UTC)

    def today(self) -> date:
        return date(2026, 11, 23)

    def titles(self, identity: str, ids: Iterable[int]) -> Mapping[int, str]:
        known = self.records.get(identity, {})
        return {id: known[id]["title"] for id in ids if id in known}

    def options(self, identity: str, where: Any, text: str, limit: int) -> Sequence[Option]:
        known = self.records.get(identity, {})
        found = [Option(id, values["title"]) for id, values in known.items() if text.lower() in values["title"].lower()]
        return found[:limit]

    def value_of(self, identity: str, id: int, field: str) -> object:
        return self.records.get(identity, {}).get(id, {}).get(field)

    def by_number(self, number: str) -> tuple[str, int] | None:
        return ("complaints.service_request", 12) if number == "SR-2026-000012" else None

    def staff(self) -> Sequence[Option]:
        return self.people

    def stage(self, upload: Any, *, accept: Sequence[str], max_size: int) -> StoredFile:
        name = upload.filename or ""
        if accept and name.rpartition(".")[2].lower() not in accept:
            raise Invalid(f"{name} can't be taken.")
        content = upload.read()
        if len(content) > max_size:
            raise Invalid(f"{name} is too large.")
        token = f"staged-{len(self.files) + 1}"
        self.files[token] = StoredFile(len(self.files) + 1, token, name, "text/plain", len(content), "0" * 64)
        return self.files[token]

    def stored(self, tokens: Iterable[str]) -> Mapping[str, StoredFile]:
        return {token: self.files[token] for token in tokens if token in self.files}
