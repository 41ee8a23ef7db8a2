"""What the steps of one upgrade share: the database, the plugin's types on their way, and what was done so far."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from datetime import date
from datetime import datetime
from typing import TYPE_CHECKING
from typing import Any
from zoneinfo import ZoneInfo

from townhall.clock import Clock
from townhall.config import Settings
from townhall.db import reshaping
from townhall.db.engines import TownDatabase
from townhall.db.ledger import Effect
from townhall.db.system import SystemTables
from townhall.lifecycle.migrations.shapes import Shapes
from townhall_forms.context import Option
from townhall_forms.context import StoredFile
from townhall_forms.context import Upload
from townhall_forms.errors import Invalid
from townhall_forms.schema import RecordType
from townhall_forms.tables import short_name

if TYPE_CHECKING:
    from townhall_forms.conditions import Condition


class MigrationContext:
    """The town as field types see it while tables are changed, when no record can be read in the usual way."""

    def __init__(self, system: SystemTables, settings: Settings, clock: Clock) -> None:
        self._system = system
        self._clock = clock
        self.zone: ZoneInfo = settings.zone
        self.currency = settings.currency
        self.language = settings.language
        self.country = settings.country
        self.actor_id: int | None = None
        self._people: tuple[Option, ...] | None = None

    def now(self) -> datetime:
        """The present instant."""
        return self._clock.now()

    def today(self) -> date:
        """The present day in the town's zone."""
        return self.now().astimezone(self.zone).date()

    def titles(self, identity: str, ids: Iterable[int]) -> Mapping[int, str]:
        """Titles as they stand in the table."""
        database = self._system.database
        table = short_name(identity.replace(".", "_", 1))
        wanted = list(ids)
        if not wanted or not reshaping.table_exists(database, table):
            return {}
        marks = ", ".join([database.param] * len(wanted))
        sql = f'SELECT "id", "title" FROM "{table}" WHERE "id" IN ({marks})'  # noqa: S608  # a schema's name
        return dict(database.execute_sql(sql, wanted).fetchall())

    def options(self, identity: str, where: Condition | None, text: str, limit: int) -> Sequence[Option]:
        """Nobody chooses here."""
        return ()

    def value_of(self, identity: str, id: int, field: str) -> object:
        """Other records are not read."""
        return None

    def by_number(self, number: str) -> tuple[str, int] | None:
        """The record that people know by ``number``."""
        database = self._system.database
        sql = f"SELECT identity, record_id FROM search_entry WHERE number = {database.param}"  # noqa: S608  # a mark
        row = database.execute_sql(sql, (number.strip(),)).fetchone() if number.strip() else None
        return (row[0], row[1]) if row else None

    def staff(self) -> Sequence[Option]:
        """Everybody who works or worked here."""
        if self._people is None:
            user = self._system.user
            rows = user.select(user.id, user.name, user.email).order_by(user.id).tuples()
            self._people = tuple(Option(id, name or email, email) for id, name, email in rows)
        return self._people

    def stage(self, upload: Upload, *, accept: Sequence[str], max_size: int) -> StoredFile:
        """Nobody uploads here."""
        raise Invalid("Files can't be added by an upgrade.")

    def stored(self, tokens: Iterable[str]) -> Mapping[str, StoredFile]:
        """No file is looked up here."""
        return {}


@dataclass
class Scene:
    """One upgrade of one plugin. ``known`` has the types of all other plugins and of core, as their tables have them.

    ``file`` is the migration that runs; ``effects`` what it renamed, ``stale`` the types whose search entries are to
    be written anew, ``rows`` how many rows were written.
    """

    database: TownDatabase
    system: SystemTables
    context: MigrationContext
    shapes: Shapes
    known: Sequence[RecordType]
    file: str = ""
    effects: list[Effect] = field(default_factory=list)
    stale: set[str] = field(default_factory=set)
    rows: int = 0
    #: Identities that were renamed on the way, by the one that the types in ``known`` still use.
    renamed: dict[str, str] = field(default_factory=dict)

    def current(self, identity: str) -> str:
        """What a type is called now that was called ``identity`` when the upgrade began."""
        while identity in self.renamed:
            identity = self.renamed[identity]
        return identity

    @property
    def mark(self) -> str:
        """What the names of columns that this file puts aside begin with."""
        return self.file[:4]

    def is_whole(self) -> bool:
        """Whether the transaction of the upgrade is still open; if not, an empty one is begun, to be rolled back."""
        connection: Any = self.database.connection()
        if self.database.engine == "postgresql":
            return bool(connection.info.transaction_status.name in ("INTRANS", "INERROR"))
        if not connection.in_transaction:
            self.database.execute_sql("BEGIN")
            return False
        return True
