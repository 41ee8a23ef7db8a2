"""What all staff pages of one application share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from townhall.access.actors import Actor
from townhall.admin.counting import CountCache
from townhall.admin.drawing import Drawer
from townhall.admin.places import CORE
from townhall.admin.places import plugin_place
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.presentation import Marks
    from townhall.presentation import Presenter
    from townhall.town import Town


@dataclass(frozen=True, slots=True)
class Desk:
    """The town, how its values look, what is counted for its menu, and what is drawn once."""

    town: Town
    presenter: Presenter
    marks: Marks
    cache: CountCache
    drawer: Drawer

    def viewable(self, actor: Actor, keep: Callable[[RecordType], bool] = lambda _: True) -> list[RecordType]:
        """Types whose records the actor may see, in the menu's order."""
        types = (type_ for type_ in self.town.records.types(actor) if keep(type_))
        return sorted(types, key=lambda type_: (*plugin_place(self.town, type_.plugin), type_.order))

    def creatable_cases(self, actor: Actor) -> list[RecordType]:
        """Types of case that the actor may open by hand: what “New case” offers. Core's own come last."""
        creatable = self.town.records.types(actor, "create")
        found = self.viewable(
            actor, lambda type_: type_.is_case and type_.navigation == "records" and type_ in creatable
        )
        return sorted(found, key=lambda type_: type_.plugin == CORE)
