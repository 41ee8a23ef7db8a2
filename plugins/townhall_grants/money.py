"""What was awarded, asked for and paid, for the pages of awards and for the applicant's own page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from townhall import Actor
from townhall import Panel
from townhall import PanelRow
from townhall import Record
from townhall import for_types
from townhall import hookimpl
from townhall import system
from townhall_forms.values import Money

if TYPE_CHECKING:
    from townhall.town import Town

APPLICATION = "grants.application"
AWARD = "grants.award"
PAYMENT = "grants.payment_request"
#: Payments on the way: asked for, and neither paid nor declined.
_ON_THE_WAY = (
    "submitted",
    "resubmitted",
    "changes_requested_staff",
    "changes_requested_finance",
    "approved_staff",
    "approved_finance",
    "failed",
)
_MOST = 200


def payments(town: Town, actor: Actor, award: int) -> Sequence[Record]:
    """The payment requests of an award that the actor may see, oldest first."""
    found = town.records.find(
        actor,
        PAYMENT,
        {"award": award},
        sort="created",
        limit=_MOST,
        fields=["amount_claimed", "amount_approved", "paid_on"],
    )
    return found.records


def asked(payment: Record) -> Money | None:
    """What a payment is about: the sum that was approved, or else the one asked for."""
    sum: Money | None = payment["amount_approved"] or payment["amount_claimed"]
    return sum


def balance(awarded: Money | None, requests: Sequence[Record]) -> dict[str, Money]:
    """What of an award is paid, on the way and left, in the award's currency; empty without a sum.

    Payments in another currency are not added up.
    """
    if awarded is None:
        return {}
    minor: dict[str, int] = defaultdict(int)
    for payment in requests:
        sum = asked(payment)
        if sum is not None and sum.currency == awarded.currency:
            minor["paid" if payment.state == "paid" else "way" if payment.state in _ON_THE_WAY else ""] += sum.minor
    left = awarded.minor - minor["paid"] - minor["way"]
    return {
        "paid": Money(minor["paid"], awarded.currency),
        "way": Money(minor["way"], awarded.currency),
        "left": Money(left, awarded.currency),
    }


def _words(town: Town, actor: Actor, value: Money | None) -> str:
    field = town.schemas[AWARD].fields["amount_awarded"]
    return field.display(value, town.context(actor)) if value is not None else ""


@hookimpl
@for_types(AWARD)
def record_panels(town: Town, actor: Actor, record: Record) -> list[Panel]:
    """What of the award is paid, on the way, and left."""
    if not town.records.may(actor, "view", PAYMENT):
        return []
    sums = balance(record.get("amount_awarded"), payments(town, actor, record.id))
    if not sums:
        return []
    facts = [("Awarded", _words(town, actor, record.get("amount_awarded")))]
    facts += [
        ("Paid", _words(town, actor, sums["paid"])),
        ("Asked for", _words(town, actor, sums["way"])),
        ("Left", _words(town, actor, sums["left"])),
    ]
    note = "More is asked for than was awarded." if sums["left"].minor < 0 else ""
    return [Panel("Money", facts=facts, note=note)]


@hookimpl
@for_types(APPLICATION)
def public_panels(town: Town, record: Record) -> list[Panel]:
    """What the applicant was paid so far. Who approved it is not theirs to read."""
    awards = town.records.find(system(), AWARD, {"application": record.id}, limit=1, fields=["amount_awarded"]).records
    if not awards:
        return []
    requests = payments(town, system(), awards[0].id)
    context = town.context(system())
    state = town.schemas[PAYMENT].fields
    rows = []
    for payment in requests:
        known = payment.type.workflow.states.get(payment.state) if payment.type.workflow is not None else None
        paid_on = payment["paid_on"]
        when = f" on {state['paid_on'].display(paid_on, context)}" if payment.state == "paid" and paid_on else ""
        label = known.public_label if known is not None else ""
        rows.append(PanelRow(_words(town, system(), asked(payment)), note=f"{payment.number}: {label}{when}"))
    sums = balance(awards[0]["amount_awarded"], requests)
    told = (("Paid so far", "paid"), ("Still open", "left")) if sums else ()
    facts = [(label, _words(town, system(), sums[name])) for label, name in told]
    return [Panel("Payments", rows, facts, note="" if rows else "Nothing was asked for so far.")]
