"""What the pages of the town's layer have in common: the layer that is worked on, and the types that come of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from typing import Any

from flask import abort
from flask import flash
from flask import request

from townhall.admin import urls
from townhall.admin.layer_values import Typed
from townhall.admin.staff import StaffView
from townhall.errors import LayerChanged
from townhall.errors import TownhallError
from townhall.lifecycle import town_layer
from townhall_forms.layer import EMPTY
from townhall_forms.layer import Layer
from townhall_forms.layer import write_layer

if TYPE_CHECKING:
    from townhall.admin.desk import Desk
    from townhall.extend.loading import Loaded
    from townhall.lifecycle.town_layer import Standing

#: How many layers' types are kept: those that are shipped, that count, and drafts.
_KEPT = 4


class LayerBase(StaffView):
    """The view of the town's layer, for whoever may change it."""

    permission = town_layer.PERMISSION

    def __init__(self, desk: Desk) -> None:
        self._tried: dict[str, Loaded] = {}
        super().__init__(desk, name="Fields and labels", endpoint="admin_types", url=urls.TYPES.rstrip("/"))

    def tried(self, layer: Layer) -> Loaded:
        """The types under a layer. They are kept: plugins change only with the application."""
        text = write_layer(layer)
        found = self._tried.get(text)
        if found is None:
            found = self.town.try_layer(layer)
            # A new dictionary each time: another thread may be reading the old one.
            self._tried = dict([*self._tried.items(), (text, found)][-_KEPT:])
        return found

    def standing(self) -> Standing:
        """How the layer stands now."""
        return town_layer.standing(self.town.system)

    def typed(self, identity: str, now: Standing | None = None) -> Typed:
        """A type as it is worked on; 404 if there is none."""
        layer = (now or self.standing()).layer
        shipped, drafted = self.tried(EMPTY).schemas.get(identity), self.tried(layer).schemas.get(identity)
        if shipped is None or drafted is None:
            abort(404)
        return Typed(shipped, drafted, layer, self.town.layer)

    def problems_of(self, layer: Layer, before: Layer) -> list[str]:
        """Sentences about what in a layer can't be applied and was not so before."""
        known = {(conflict.identity, conflict.path) for conflict in self.tried(before).conflicts}
        return [
            conflict.message
            for conflict in self.tried(layer).conflicts
            if (conflict.identity, conflict.path) not in known
        ]

    def keep(self, change: Callable[[Layer], Layer], note: str) -> bool:
        """Change the draft as a form asks that types nothing; says in a line what came of it."""
        now = self.standing()
        layer = change(now.layer)
        problems = self.problems_of(layer, now.layer)
        try:
            if problems:
                flash(problems[0], "bad")
            else:
                town_layer.save_draft(self.town, self.actor, layer, follows=self.seen(now), note=note)
                return True
        except LayerChanged:
            flash("A colleague changed something a moment ago. Look at it again, then decide.", "soon")
        except TownhallError as error:
            flash(str(error), "bad")
        return False

    @staticmethod
    def seen(now: Standing) -> int:
        """The row that the person saw when the form was drawn."""
        return urls.number(request.form.get("head"), now.head)

    def show(self, template: str, now: Standing, **values: Any) -> str:
        """Render a page with what all of these pages say: whether there is a draft, and whose."""
        return self.render(template, now=now, type_url=urls.type_url, **values)
