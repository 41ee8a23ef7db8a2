"""The town's user and role tables as Flask-Security wants to see them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING
from typing import Any

from flask_security import PeeweeUserDatastore
from flask_security import RoleMixin
from flask_security import UserMixin

if TYPE_CHECKING:
    from townhall.town import Town


def build_datastore(town: Town) -> Any:
    """A Flask-Security datastore over the town's tables. Its models belong to this town alone."""
    system: Any = town.system
    base: Any = PeeweeUserDatastore
    database_ = town.database
    columns = ("id", "email", "name", "password", "active", "fs_uniquifier", "created_at", "last_sign_in_at")
    role_columns = ("id", "name", "label", "permissions")
    names = ", ".join([*(f'person."{name}"' for name in columns), *(f'role."{name}"' for name in role_columns)])
    # Each page asks who it is, so the statement is written out and brings the roles along.
    person_of = (
        f'SELECT {names} FROM "user" AS person'  # noqa: S608  # names and marks
        " LEFT JOIN user_role ON user_role.user_id = person.id LEFT JOIN role ON role.id = user_role.role_id"
        f" WHERE person.{{}} = {town.database.param} ORDER BY role.id"
    )
    by_mark, by_id = person_of.format("fs_uniquifier"), person_of.format("id")

    def role(row: tuple[Any, ...]) -> Any:
        return Role(**dict(zip(role_columns, row[len(columns) :], strict=True)))

    class Role(RoleMixin, system.role):  # type: ignore[misc]
        """A role; ``permissions`` is a JSON list."""

        class Meta:
            database = database_
            table_name = "role"

    class User(UserMixin, system.user):  # type: ignore[misc]
        """Somebody who may sign in."""

        class Meta:
            database = database_
            table_name = "user"

        @cached_property
        def roles(self) -> list[Any]:  # type: ignore[override]  # worked out, once per request
            """The roles that this person has."""
            rows = database_.execute_sql(by_id, (self.id,)).fetchall()
            return [role(row) for row in rows if row[len(columns)] is not None]

    class Datastore(base):  # type: ignore[misc]
        """Flask-Security's datastore, with the one question that each page asks written out."""

        def find_user(self, case_insensitive: bool = False, **asked: Any) -> Any:
            """The person that is asked for."""
            if asked.keys() != {"fs_uniquifier"} or case_insensitive:
                return super().find_user(case_insensitive, **asked)
            rows = database_.execute_sql(by_mark, (asked["fs_uniquifier"],)).fetchall()
            if not rows:
                return None
            found = dict(zip(columns, rows[0], strict=False))
            person = User(**{**found, "active": bool(found["active"])})
            person.roles = [role(row) for row in rows if row[len(columns)] is not None]
            return person

    return Datastore(town.database, User, Role, system.user_role)
