"""The town's user and role tables as Flask-Security wants to see them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING
from typing import Any

from flask_security import PeeweeUserDatastore
from flask_security import RoleMixin
from flask_security import UserMixin

from townhall.accounts import sessions

if TYPE_CHECKING:
    from townhall.town import Town


def build_datastore(town: Town) -> Any:
    """A Flask-Security datastore over the town's tables. Its models belong to this town alone."""
    system: Any = town.system
    base: Any = PeeweeUserDatastore
    database_ = town.database
    columns = ("id", "email", "name", "password", "active", "fs_uniquifier", "created_at", "last_sign_in_at")
    role_columns = ("id", "name", "label", "permissions")
    session_columns = ("id", "started_at", "last_seen_at")
    named = (("person", columns), ("role", role_columns))
    names = ", ".join(f'{table}."{name}"' for table, wanted in named for name in wanted)
    roles = " LEFT JOIN user_role ON user_role.user_id = person.id LEFT JOIN role ON role.id = user_role.role_id"
    mark = town.database.param
    by_id = f'SELECT {names} FROM "user" AS person{roles} WHERE person.id = {mark} ORDER BY role.id'  # noqa: S608
    # Each page asks who it is, so the statement is written out: one brings the session, the person and the roles.
    visit = ", ".join(f"visit.{name}" for name in session_columns)
    by_session = (
        f"SELECT {names}, {visit} FROM user_session AS visit"  # noqa: S608  # names and marks
        f' JOIN "user" AS person ON person.id = visit.user_id{roles}'
        f" WHERE visit.token_hash = {mark} ORDER BY role.id"
    )

    def role(row: tuple[Any, ...]) -> Any:
        return Role(**dict(zip(role_columns, row[len(columns) :], strict=False)))

    class Role(RoleMixin, system.role):  # type: ignore[misc]
        """A role; ``permissions`` is a JSON list."""

        class Meta:
            database = database_
            table_name = "role"

    class User(UserMixin, system.user):  # type: ignore[misc]
        """Somebody who may sign in, and when they are, in which session."""

        session_id: int | None = None
        session_token = ""

        class Meta:
            database = database_
            table_name = "user"

        def get_id(self) -> str:
            """What the cookie of a session holds: its token, and nothing of the person."""
            return self.session_token

        @cached_property
        def roles(self) -> list[Any]:  # type: ignore[override]  # worked out, once per request
            """The roles that this person has."""
            rows = database_.execute_sql(by_id, (self.id,)).fetchall()
            return [role(row) for row in rows if row[len(columns)] is not None]

    class Datastore(base):  # type: ignore[misc]
        """Flask-Security's datastore, with the one question that each page asks written out."""

        def find_user(self, case_insensitive: bool = False, **asked: Any) -> Any:
            """The person that is asked for; ``fs_uniquifier`` is what :meth:`User.get_id` gave to the cookie."""
            if asked.keys() != {"fs_uniquifier"} or case_insensitive:
                return super().find_user(case_insensitive, **asked)
            token = asked["fs_uniquifier"]
            rows = database_.execute_sql(by_session, (sessions.digest(token),)).fetchall()
            if not rows:
                return None
            id, started_at, last_seen_at = rows[0][-len(session_columns) :]
            if not sessions.is_alive(town, started_at, last_seen_at):
                return None
            found = dict(zip(columns, rows[0], strict=False))
            person = User(**{**found, "active": bool(found["active"])})
            person.roles = [role(row) for row in rows if row[len(columns)] is not None]
            person.session_id, person.session_token = id, token
            if person.active:
                sessions.seen(town, id, last_seen_at)
            return person

    return Datastore(town.database, User, Role, system.user_role)
