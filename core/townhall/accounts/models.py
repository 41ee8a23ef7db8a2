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
    roles_of = (
        "SELECT role.id, role.name, role.label, role.permissions FROM role"  # noqa: S608  # a mark, not a value
        f" JOIN user_role ON user_role.role_id = role.id WHERE user_role.user_id = {town.database.param}"
    )
    database_ = town.database

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
            """The roles that this person has. Each page asks for them, so the statement is written out."""
            rows = town.database.execute_sql(roles_of, (self.id,)).fetchall()
            return [Role(id=id, name=name, label=label, permissions=held) for id, name, label, held in rows]

    columns = ("id", "email", "name", "password", "active", "fs_uniquifier", "created_at", "last_sign_in_at")
    names = ", ".join(f'"{column}"' for column in columns)
    user_of = f'SELECT {names} FROM "user" WHERE fs_uniquifier = {town.database.param}'  # noqa: S608  # names and marks

    class Datastore(base):  # type: ignore[misc]
        """Flask-Security's datastore, with the one question that each page asks written out."""

        def find_user(self, case_insensitive: bool = False, **asked: Any) -> Any:
            """The person that is asked for."""
            if asked.keys() != {"fs_uniquifier"} or case_insensitive:
                return super().find_user(case_insensitive, **asked)
            row = town.database.execute_sql(user_of, (asked["fs_uniquifier"],)).fetchone()
            if row is None:
                return None
            found = dict(zip(columns, row, strict=True))
            return User(**{**found, "active": bool(found["active"])})

    return Datastore(town.database, User, Role, system.user_role)
