"""How a message about a case would reach its citizen, as it is said before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.admin import urls
from townhall.errors import NotFound
from townhall.messages import recipients
from townhall.messages import visibility
from townhall.messages.recipients import CONTACT
from townhall.records import reading
from townhall.records.types import Record
from townhall_forms.fields.base import Field
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

#: The status page, which is read there and sent to nobody.
STATUS_PAGE = "web"
_WORDS = {"email": "by e-mail", "letter": "as a letter"}
_ALONE = "Nothing is sent. It can be read there with the secret link, or with the number and its code."


@dataclass(frozen=True, slots=True)
class Choice:
    """A way that can be chosen: its value in the form, how it goes, where to if that may be told, and what else."""

    value: str
    words: str
    to: str = ""
    also: str = ""

    @property
    def where(self) -> str:
        """Where it goes, as sentences of their own."""
        return " ".join(part for part in (f"To {self.to}." if self.to else "", self.also) if part)


_ON_PAGE = Choice(STATUS_PAGE, "on the status page only", also=_ALONE)


@dataclass(frozen=True, slots=True)
class Reach:
    """The ways that reach a citizen, the usual one first; in a sentence each, why others don't, and what to mind.

    ``add_url`` leads to where an address can be added, or, where nobody is ``named``, a contact; for who may.
    """

    name: str
    choices: Sequence[Choice]
    hindered: Sequence[str] = ()
    caution: str = ""
    add_url: str = ""
    named: bool = True
    shown: bool = True

    @property
    def usual(self) -> str:
        """How a message goes that somebody leaves with a move, in a sentence."""
        if not self.shown:
            return recipients.KEPT_IN
        if not self.choices:
            return f"It reaches nobody. {' '.join(self.hindered)}"
        first = self.choices[0]
        if first.value == STATUS_PAGE:
            return f"It stands on the status page, and is not sent. {' '.join(self.hindered)}"
        return f"It goes out {first.words}{f' to {first.to}' if first.to else ''}. {first.also}".strip()


def reach(town: Town, actor: Actor, record: Record) -> Reach | None:
    """How a message about ``record`` would reach its citizen, as far as the actor may know; ``None`` where they can't
    know who that is, or it isn't of a kind that is anybody's.
    """
    asked = recipients.naming(record.type)
    filled = next((place for place, field in enumerate(asked) if record.get(field.name) is not None), len(asked))
    unseen = record.hidden | record.masked
    if not record.type.is_case or not asked or any(field.name in unseen for field in asked[: filled + 1]):
        return None
    id = recipients.contact_of(town, record)
    if id is None:
        return _to_nobody(town, actor, record, asked[0])
    name = record.titles.get((CONTACT, id)) or town.context(actor).titles(CONTACT, [id]).get(id)
    if name is None:
        return None
    try:
        whole = reading.get(town, system(), CONTACT, id, fields=recipients.ASKED, named=False)
    except NotFound:
        return Reach(name, (), ("The contact can't be found.",))
    if not recipients.is_shown(town, record):
        return Reach(name, (), (recipients.KEPT_IN,), shown=False)
    known = id in visibility.known(town, actor, [id])
    page = has_status_page(record)
    also = "It stands on their status page too." if page else ""
    choices, hindered = [], []
    for way in recipients.ways(town, whole):
        words = _WORDS[way.channel]
        if way.address:
            to = ", ".join(way.address.splitlines()) if known else ""
            choices.append(Choice(way.channel, words, to, also))
        else:
            hindered.append(f"Not {words}: {_inside(way.reason)}" if known else f"Not {words}.")
    if page and not choices:
        choices.append(_ON_PAGE)
    caution = f"{recipients.NOT_IN_TOUCH} What you write yourself goes out all the same."
    gone = whole["deceased"] or whole.archived is not None
    may_add = known and hindered and not gone and town.records.may(actor, "edit", CONTACT)
    return Reach(
        name,
        choices,
        hindered,
        caution if known and whole["do_not_contact"] else "",
        urls.record_url(CONTACT, id, "edit") + "#section-reach" if may_add else "",
    )


def _to_nobody(town: Town, actor: Actor, record: Record, field: Field) -> Reach:
    """Where a case names nobody: what can be read all the same, and the one step that helps."""
    page = has_status_page(record) and recipients.is_shown(town, record)
    left_to_others = field.read_only or field.compute is not None or "form" in field.hide
    may_name = not left_to_others and town.records.reaches(actor, "edit", record)
    return Reach(
        "whoever sent it",
        (_ON_PAGE,) if page else (),
        (f"Nobody is named under “{field.label}”, so nothing can be sent.",),
        add_url=f"{urls.record_url(record.identity, record.id, 'edit')}#field-{field.name}" if may_name else "",
        named=False,
    )


def has_status_page(record: Record) -> bool:
    """Whether citizens send such records themselves, so that they may follow this one on a page of their own."""
    return record.type.has_status_page and bool(record.number)


def unreached(town: Town, record_type: RecordType, ids: Sequence[int]) -> int:
    """Of how many of these records the citizen is not named, or can be written to in no way."""
    names = [name for name in record_type.contacts if name in record_type.fields]
    cases = reading.many(town, system(), record_type.identity, ids, fields=names)
    named = {case.id: recipients.contact_of(town, case) for case in cases}
    wanted = sorted({id for id in named.values() if id is not None})
    people = reading.many(town, system(), CONTACT, wanted, fields=recipients.ASKED) if wanted else []
    reached = {each.id for each in people if any(way.address for way in recipients.ways(town, each))}
    return sum(contact not in reached for contact in named.values())


def _inside(sentence: str) -> str:
    """A sentence that goes on after a colon."""
    return f"{sentence[:1].lower()}{sentence[1:]}"
