"""A public form on its way from the first page to the last: its pages, its answers so far, what comes next."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING
from typing import Any

from flask import url_for
from werkzeug.datastructures import MultiDict

from townhall.access.actors import ANONYMOUS
from townhall.access.actors import Actor
from townhall.errors import NotFound
from townhall.portal import contact
from townhall.portal import services
from townhall_forms.conditions import Condition
from townhall_forms.errors import Invalid
from townhall_forms.fields.answers import AnswersField
from townhall_forms.fields.base import Field
from townhall_forms.fields.files import Attached
from townhall_forms.fields.files import FileInput
from townhall_forms.forms import RecordForm
from townhall_forms.forms import build_form
from townhall_forms.schema import Form
from townhall_forms.schema import RecordType
from townhall_forms.schema import Step
from townhall_forms.validating import environment_of
from townhall_forms.validating import value_getter

if TYPE_CHECKING:
    from townhall.portal.drafts import Draft
    from townhall.records.types import Record
    from townhall.town import Town

REVIEW = "review"
#: Names of inputs that belong to the page and are no answers.
_NO_ANSWERS = frozenset({"csrf_token", "website_address", "_save"})


@dataclass
class Filling:
    """A form being filled in, by its draft. ``name`` is how its pages are addressed; empty before the first answer."""

    town: Town
    record_type: RecordType
    form: Form
    draft: Draft
    name: str = ""
    #: Whoever fills it in: anybody, or the sender of the record that is being changed. A draft says which record that
    #: is, never that it may be changed.
    actor: Actor = ANONYMOUS

    @property
    def editing(self) -> bool:
        """Whether a record that was sent before is being changed."""
        return bool(self.draft.record)

    @cached_property
    def offering(self) -> RecordType:
        """The type as the form asks for it: a link offers only what the form is open for at the moment."""
        links = {path.partition(".")[0] for path in self.form.open_if.paths()} if self.form.open_if else set()
        link = self.record_type.fields.get(next(iter(links))) if len(links) == 1 and not self.editing else None
        is_open = self.form.open_if.behind(link.name) if self.form.open_if and link is not None else None
        if link is None or not link.target or is_open is None:
            return self.record_type
        where = is_open if link.where is None else Condition.all_of([link.where, is_open])
        fields = {**self.record_type.fields, link.name: replace(link, where=where)}
        return replace(self.record_type, fields=fields)

    @cached_property
    def context(self) -> Any:
        """The town as the form's fields see it."""
        return self.town.context(self.actor)

    @cached_property
    def chosen(self) -> dict[str, Record]:
        """The records that the form's address has chosen, by link."""
        return {
            link: self.town.records.get(ANONYMOUS, self.record_type.fields[link].target, id)
            for link, id in self.draft.chosen.items()
        }

    def known_links(self) -> dict[str, Record]:
        """The records that the address chose or an answer names, as far as the public may see them."""
        known = dict(self.chosen)
        for name in self.form.fields:
            field = self.record_type.fields.get(name)
            id = self.values.get(name)
            if field is not None and field.target and not field.many_targets and id is not None and name not in known:
                with suppress(NotFound):
                    known[name] = self.town.records.get(ANONYMOUS, field.target, id)
        return known

    @cached_property
    def stored(self) -> Mapping[str, Any]:
        """The values of the record that is being changed, as its sender may see them."""
        if not self.editing:
            return {}
        return self.town.records.get(self.actor, self.record_type.identity, self.draft.record).values

    @cached_property
    def values(self) -> dict[str, Any]:
        """The answers so far. One that no longer fits (its choice is gone, say) counts as not given."""
        found: dict[str, Any] = dict(self.draft.chosen)
        if self.editing:
            found.update(self.stored)
        for name in self.form.fields:
            field = self.record_type.fields.get(name)
            if field is None or name not in self.draft.values:
                continue
            try:
                found[name] = field.bind(found, self.context).parse(self._answer(field), self.context)
            except Invalid:
                self.draft.done = [step for step in self.draft.done if step != self._step_of(name)]
        return found

    # -- pages ------------------------------------------------------------------------------------------------

    @cached_property
    def steps(self) -> list[Step]:
        """The pages that this visitor is asked, without the review: pages of which nothing shows are left out."""
        steps = []
        for step in self.form.steps:
            asked = (name for name in step.fields if name in self.record_type.fields)
            names = tuple(name for name in asked if name not in self.draft.chosen)
            if any(self.asks(self.record_type.fields[name]) for name in names):
                steps.append(Step(step.name, step.label, names, step.help))
        if self.form.contact != "none" and not self.editing:
            steps.append(Step(contact.STEP, contact.STEP_LABEL, (), self._contact_help()))
        return steps

    def step(self, name: str) -> Step | None:
        """The page called ``name``."""
        return next((step for step in self.steps if step.name == name), None)

    def first_open(self) -> str:
        """Name of the first page that still needs an answer; the review's if none does."""
        self.values  # noqa: B018 - answers that no longer fit reopen their page
        return next((step.name for step in self.steps if step.name not in self.draft.done), REVIEW)

    def before(self, name: str) -> str:
        """Name of the page before; empty for the first."""
        names = [*(step.name for step in self.steps), REVIEW]
        return names[names.index(name) - 1] if name in names and names.index(name) else ""

    def position(self, step: Step) -> int:
        """Number of a page, from 1."""
        return self.steps.index(step) + 1

    @property
    def count(self) -> int:
        """How many pages there are, with the review."""
        return len(self.steps) + 1

    def url(self, step: str) -> str:
        """Address of a page."""
        return url_for("portal.step", name=self.name, step=step)

    # -- words ------------------------------------------------------------------------------------------------

    @property
    def label(self) -> str:
        """What the form is called: by what was chosen, if it is one of several."""
        record = self.chosen.get(self.form.per)
        return record.title if record is not None else self.form.label

    @property
    def subtitle(self) -> str:
        """What else was chosen, like the posting that an application is for."""
        return " · ".join(record.title for link, record in self.chosen.items() if link != self.form.per)

    @property
    def intro(self) -> str:
        """What is said above the first question."""
        return "\n".join(part for part in (self._chosen_text("description"), self.form.intro) if part)

    @property
    def warning(self) -> str:
        """What to do instead of filling in a form, in an emergency."""
        return self._chosen_text("emergency_text")

    @property
    def promise(self) -> str:
        """What the town says about how long it usually takes."""
        return self._chosen_text("service_notice")

    @property
    def submit_label(self) -> str:
        """The words on the button that sends."""
        return self.form.submit_label

    @property
    def start_url(self) -> str:
        """Where this form begins."""
        return services.start_url(self.record_type, self.form, self.draft.chosen)

    @property
    def print_url(self) -> str:
        """The form to print and fill in by hand."""
        return services.print_url(self.record_type, self.form, self.draft.chosen)

    @property
    def can_wait(self) -> bool:
        """Whether it can be saved for later. What changes a record is for as long as that is open in this browser."""
        return not self.editing

    @property
    def saved_until(self) -> datetime | None:
        """Until when the answers are kept, if somebody asked to keep them."""
        return self.draft.expires if self.draft.saved else None

    @cached_property
    def closes(self) -> datetime | None:
        """Until when it can be sent, if that is known: the deadline of what was chosen."""
        return None if self.editing else services.closes(self.town, self.form, self.known_links())

    # -- answers ----------------------------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """The state in which the record is checked: the one that it will be sent in, or is in."""
        if self.editing:
            record = self.town.records.get(self.actor, self.record_type.identity, self.draft.record, fields=())
            return record.state
        workflow = self.record_type.workflow
        return self.form.state or (workflow.initial if workflow is not None else "")

    def open(self, step: Step, data: MultiDict[str, str] | None = None, files: Any = None) -> RecordForm:
        """The inputs of a page, with what was answered or typed before; bound to ``data`` if it was sent."""
        if data is None and step.name in self.draft.typed:
            data = MultiDict(self.draft.typed[step.name])
        if step.name == contact.STEP:
            asked = contact.contact_type(self.contact_wanted)
            return build_form(
                asked, list(asked.fields), self.context, values=self.draft.contact, formdata=data, files=files
            )
        return build_form(
            self.offering,
            [name for name in step.fields if self._shows(self.record_type.fields[name], self._outside(step))],
            self.context,
            values=self.values,
            formdata=data,
            files=files,
            stored=self.stored if self.editing else None,
        )

    def check(self, step: Step, form: RecordForm) -> bool:
        """Whether the answers of a page can be accepted."""
        if step.name != contact.STEP:
            return bool(form.validate(state=self.state))
        good = bool(form.validate())
        if good and self.contact_wanted and not contact.reachable(form.values):
            form.add_errors({"contact_email": contact.NO_WAY})
            return False
        if good and contact.reachable(form.values) and not form.values.get("contact_name"):
            form.add_errors({"contact_name": contact.NO_NAME})
            return False
        return good

    def accept(self, step: Step, form: RecordForm) -> None:
        """Take over the answers of a page."""
        if step.name == contact.STEP:
            self.draft.contact = {name: str(value or "") for name, value in form.values.items()}
        else:
            for name in step.fields:
                if name in form and name in form.undrawn:
                    continue
                field = self.record_type.fields[name].bind({**self.values, **form.values}, self.context)
                value = form.values.get(name)
                self.draft.values[name] = None if value is None else field.to_json(value)
        self.draft.typed.pop(step.name, None)
        if step.name not in self.draft.done:
            self.draft.done.append(step.name)
        self.forget()

    def keep_typed(self, step: Step, form: RecordForm, data: MultiDict[str, str]) -> None:
        """Keep a page as it was typed, mistakes and uploaded files included."""
        pairs = [(name, text) for name, text in data.items(multi=True) if name not in _NO_ANSWERS]
        for name in step.fields:
            raw = form.raw_of(name) if name in form else None
            if isinstance(raw, FileInput):
                pairs = [pair for pair in pairs if pair[0] not in (f"{name}-kept", f"{name}-remove")]
                tokens = [one if isinstance(one, str) else one.token for one in raw.kept]
                pairs += [(f"{name}-kept", token) for token in tokens]
        self.draft.typed[step.name] = pairs
        self.draft.done = [done for done in self.draft.done if done != step.name]

    def answers(self) -> dict[str, Any]:
        """What is sent: the answers of the pages that were asked, and what the address chose."""
        asked = {name for step in self.steps for name in step.fields}
        found = {name: self.values[name] for name in self.form.fields if name in asked and name in self.values}
        return {**({} if self.editing else self.draft.chosen), **found}

    def sender(self) -> dict[str, str] | None:
        """Who sends it, if anybody said so."""
        return contact.as_contact(self.draft.contact) if self.form.contact != "none" else None

    @cached_property
    def contact_wanted(self) -> bool:
        """Whether the sender must say who they are."""
        return contact.wanted(self.record_type, self.form, self.values, self.context)

    def step_of_error(self, path: str) -> str:
        """Name of the page that an error belongs to; empty if it belongs to the whole form."""
        name = path.partition(".")[0]
        if name in contact.contact_type(False).fields or name == self.form.contact_field or name == "contact":
            return contact.STEP if self.step(contact.STEP) is not None else ""
        return self._step_of(name)

    def forget(self) -> None:
        """Work everything out again: an answer changed."""
        for name in ("values", "steps", "contact_wanted"):
            self.__dict__.pop(name, None)

    def shown_fields(self, names: Iterable[str]) -> list[Field]:
        """The fields of these names whose conditions hold, bound to the answers."""
        fields = [self.offering.fields[name] for name in names]
        return [field.bind(self.values, self.context) for field in fields if self.asks(field)]

    # -- helpers ----------------------------------------------------------------------------------------------

    def _answer(self, field: Field) -> Any:
        """A kept answer; files that the record has already are files again, since nobody else may name them."""
        answer = self.draft.values[field.name]
        if not isinstance(field, Attached) or not answer:
            return answer
        value = self.stored.get(field.name)
        held = {file.token: file for file in (value if isinstance(value, tuple) else (value,)) if file is not None}
        entries = answer if isinstance(answer, list) else [answer]
        return [held.get(entry["token"], entry) for entry in entries]

    def _step_of(self, field: str) -> str:
        return next((step.name for step in self.form.steps if field in step.fields), "")

    def _outside(self, step: Step) -> dict[str, Any]:
        """The answers that do not stand on a page, and so can't change while it is open."""
        return {name: value for name, value in self.values.items() if name not in step.fields}

    def asks(self, field: Field) -> bool:
        """Whether a question applies, as far as the answers so far can tell."""
        return self._shows(field, self.values)

    def settled(self, field: Field) -> bool:
        """Whether nothing that is still to be answered decides if a question applies."""
        return field.show_if is None or all(path.partition(".")[0] in self.values for path in field.show_if.paths())

    def _shows(self, field: Field, known: Mapping[str, Any]) -> bool:
        if isinstance(field, AnswersField):
            bound = field.bind(self.values, self.context)
            waiting = field.link_name in self.record_type.fields and self.values.get(field.link_name) is None
            return waiting or (isinstance(bound, AnswersField) and bool(bound.fields()))
        if field.show_if is None:
            return True
        if any(path.partition(".")[0] not in known for path in field.show_if.paths()):
            return True
        get = value_getter(self.record_type, self.values, self.context)
        return field.show_if.evaluate(get, environment_of(self.context))

    def _chosen_text(self, name: str) -> str:
        texts = (services.text_of(self.context, record, name) for record in self.chosen.values())
        return "\n".join(text for text in texts if text)

    def _contact_help(self) -> str:
        return (
            "We need this to answer you. Nobody else sees it."
            if self.contact_wanted
            else "You don’t have to say who you are. But then we can’t ask back, and can’t tell you how it went."
        )


def chosen_links(
    town: Town, record_type: RecordType, form: Form, arguments: Mapping[str, str]
) -> tuple[dict[str, int], dict[str, Any]]:
    """The links that an address chooses for a form (``?category=3``), and those that it only suggests.

    A single link is fixed by the address; a field of several links starts with it and may get more. Raises
    :class:`~townhall.errors.NotFound` for what the public may not see.
    """
    names = {form.per, *(name for name in form.fields if record_type.fields[name].target)} - {""}
    chosen: dict[str, int] = {}
    suggested: dict[str, Any] = {}
    for name in names & set(arguments):
        field = record_type.fields[name]
        text = arguments[name]
        if not text.isdecimal() or len(text) > 15:
            raise NotFound("There is nothing at this address.")
        id = town.records.get(ANONYMOUS, field.target, int(text), fields=()).id
        if field.many_targets:
            suggested[name] = [id]
        else:
            chosen[name] = id
    return chosen, suggested
