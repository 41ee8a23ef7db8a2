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
    datastore: Any = PeeweeUserDatastore
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
            """The roles that this person has."""
            link = system.user_role
            return list(Role.select().join(link, on=link.role == Role.id).where(link.user == self.id))

    return datastore(town.database, User, Role, system.user_role)
