"""How the cases of a type go: a drawing of its states and moves, and the same as tables."""

from __future__ import annotations

from flask import abort
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from townhall.access.permissions import transition_permission
from townhall.admin.pages import page
from townhall.admin.record_base import RecordPages
from townhall_forms.schema import Transition
from townhall_forms.workflow_drawing import draw
from townhall_forms.workflow_drawing import rows

#: Who makes a move, in words.
_WHO = {"staff": "Staff", "citizen": "The citizen", "system": "Townhall by itself"}


class WorkflowPages(RecordPages):
    """The page of a type's workflow."""

    @page("list", "workflow")
    def workflow_view(self) -> ResponseReturnValue:
        """The drawing and its tables."""
        workflow = self.type.workflow
        if workflow is None:
            abort(404)
        return self.render(
            "admin/workflow.html",
            type=self.type,
            workflow=workflow,
            drawing=Markup(draw(workflow)),  # noqa: S704  # labels are escaped by who draws
            moves=rows(workflow),
            who=lambda move: ", ".join(_WHO[each] for each in move.by),
            may=self._may_make,
            asked=self._asked,
        )

    def _may_make(self, move: Transition) -> bool:
        """Whether whoever looks may make the move."""
        return "staff" in move.by and self.actor.may(transition_permission(self.type.identity, move.name))

    def _asked(self, move: Transition) -> list[tuple[str, bool]]:
        """Labels of the fields that a move asks for, each with whether it is needed."""
        fields = self.type.all_fields
        return [(fields[name].label, name in move.require) for name in dict.fromkeys((*move.require, *move.asks))]
