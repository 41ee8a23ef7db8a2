"""The pipeline: prospects by stage, and what is to be done next about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import Any

from townhall import Actor
from townhall import Deadline
from townhall import Panel
from townhall import PanelRow
from townhall import Record
from townhall import hookimpl
from townhall_forms.values import Money

if TYPE_CHECKING:
    from flask_admin import BaseView

    from townhall.town import Town

PROSPECT = "economic_development.prospect"
_ADDED_UP = ("state", "probability", "jobs", "capex")
_AHEAD = timedelta(days=7)
_SHOWN = 8
_MOST = 200


@dataclass(frozen=True, slots=True)
class Stage:
    """The prospects of one stage: how many, what they promise, and what of it may be expected.

    ``weighted_jobs`` counts each prospect's jobs by how likely it is, and ``investments`` are sums, one a currency.
    """

    name: str
    label: str
    count: int
    jobs: int
    weighted_jobs: int
    investments: Sequence[Money]


def stages(town: Town, actor: Actor) -> list[Stage]:
    """The stages of prospects in their order, as far as the actor may see prospects."""
    workflow = town.schemas[PROSPECT].workflow
    if workflow is None:
        return []
    grouped = town.records.aggregate(actor, PROSPECT, group_by=["state", "probability"], sums=["jobs"])
    invested = town.records.aggregate(actor, PROSPECT, group_by=["state"], sums=["capex"])
    made = []
    for name, state in workflow.states.items():
        mine = [group for group in grouped if group["state"] == name]
        made.append(
            Stage(
                name,
                state.label,
                sum(group["count"] for group in mine),
                sum(group["jobs"] or 0 for group in mine),
                round(sum(float(group["jobs"] or 0) * float(group["probability"] or 0) / 100 for group in mine)),
                [group["capex"] for group in invested if group["state"] == name and group["capex"] is not None],
            )
        )
    return made


@hookimpl
def admin_views(town: Town) -> list[BaseView]:
    """The page “Pipeline”."""
    from flask_admin import BaseView
    from flask_admin import expose

    from townhall import current_actor

    class Pipeline(BaseView):  # type: ignore[misc]  # Flask-Admin has no types
        """Prospects by stage."""

        @expose("/")  # type: ignore[untyped-decorator]
        def index(self) -> Any:
            """The table, each line of which leads to its prospects."""
            actor = current_actor()
            money = town.schemas[PROSPECT].fields["capex"]
            context = town.context(actor)
            return self.render(
                "townhall_economic_development/pipeline.html",
                stages=stages(town, actor),
                amounts=lambda stage: [money.display(value, context) for value in stage.investments],
                prospects="/admin/economic_development/prospect/",
            )

        def is_accessible(self) -> bool:
            """Whoever may see prospects, and what of them is added up."""
            records, actor = town.records, current_actor()
            return records.may(actor, "view", PROSPECT) and records.may_ask(actor, PROSPECT, *_ADDED_UP)

    where = "/admin/economic_development/pipeline"
    return [Pipeline(name="Pipeline", endpoint="economic_development_pipeline", url=where)]


@hookimpl
def home_cards(town: Town, actor: Actor) -> list[Panel]:
    """Next steps with this person's prospects, those that are late first."""
    if actor.id is None or not town.records.may(actor, "view", PROSPECT):
        return []
    today = town.today()
    until = (today + _AHEAD).isoformat()
    where = {"assignee": actor.id, "closed": {"empty": True}, "next_step_on": {"lte": until}}
    names = ["code_name", "next_step", "next_step_on"]
    found = town.records.find(actor, PROSPECT, where, sort="next_step_on", fields=names, limit=_SHOWN).records
    day, context = town.schemas[PROSPECT].fields["next_step_on"], town.context(actor)
    rows = [
        PanelRow(
            _step(prospect),
            PROSPECT,
            prospect.id,
            f"{day.display(prospect['next_step_on'], context)}{', late' if prospect['next_step_on'] < today else ''}",
            tone="bad" if prospect["next_step_on"] < today else None,
        )
        for prospect in found
    ]
    return [Panel("Next steps with prospects", rows)] if rows else []


@hookimpl
def calendar_entries(town: Town, actor: Actor, start: datetime, end: datetime) -> list[Deadline]:
    """The days of next steps with prospects that are open."""
    may = town.records.may
    if not (may(actor, "view", PROSPECT) and may(actor, "see_internal", PROSPECT)):
        return []  # the next steps are internal
    first, last = (moment.astimezone(town.zone).date().isoformat() for moment in (start, end))
    where = {"closed": {"empty": True}, "next_step_on": {"gte": first, "lte": last}}
    names = ["code_name", "next_step", "next_step_on"]
    found = town.records.find(actor, PROSPECT, where, fields=names, limit=_MOST).records
    return [Deadline(_step(each), each["next_step_on"], PROSPECT, each.id) for each in found]


def _step(prospect: Record) -> str:
    """What is to be done next, and with whom: by the number where nobody has given a code name yet."""
    name = prospect.title if prospect["code_name"] else f"{prospect.title} {prospect.number}"
    return f"{name}: {prospect['next_step'] or 'next step'}"
