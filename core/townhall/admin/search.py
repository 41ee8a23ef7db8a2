"""One search box over everything: names in any order, numbers, parts of phone numbers, streets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import redirect
from flask import request
from flask.typing import ResponseReturnValue
from flask_admin import expose

from townhall.admin import urls
from townhall.admin.sheets import Row
from townhall.admin.staff import StaffView

if TYPE_CHECKING:
    from townhall.admin.desk import Desk
    from townhall.records.types import Hit
    from townhall_forms.schema import RecordType

CONTACT = "core.contact"
SHOWN = 25
#: How many contacts stand before everything else.
PEOPLE_FIRST = 5
LONGEST = 200


def _older(pairs: list[tuple[str, str]], following: str, ahead: list[int]) -> str:
    """The address of the next page, which says what need not stand there again."""
    told = [("ahead", ".".join(map(str, ahead)))] if ahead else []
    return urls.with_query(urls.SEARCH, [*pairs, ("after", following), *told])


def _ids(text: str) -> list[int]:
    """The ids of contacts that stood first, out of an address."""
    found = (urls.number(part) for part in text.split(".")[:PEOPLE_FIRST])
    return [id for id in found if id]


class SearchView(StaffView):
    """The page of results."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, name="Search", endpoint="admin_search", url=urls.SEARCH.rstrip("/"))

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """What was found; a single exact number leads straight to its record."""
        text = " ".join(request.args.get("q", "").split())[:LONGEST]
        only = request.args.get("type", "")
        after = request.args.get("after", "")
        types = self.desk.viewable(self.actor)
        identities = [only] if any(type_.identity == only for type_ in types) else None
        hits: list[Hit] = []
        following = ""
        ahead = _ids(request.args.get("ahead", "")) if after else []
        if text:
            hits, following = self.town.records.search(
                self.actor,
                text,
                identities=identities,
                limit=SHOWN,
                after=after,
                without={CONTACT: ahead} if ahead else None,
            )
        if text and not after and identities is None and self.town.records.may(self.actor, "view", CONTACT):
            hits, ahead = self._people_first(text, hits, whole=not following)
        exact = [hit for hit in hits if hit.number and hit.number.casefold() == text.casefold()]
        if len(exact) == 1 and not after:
            return redirect(urls.record_url(exact[0].identity, exact[0].id))
        pairs = [("q", text), ("type", only)]
        kinds = [type_ for type_ in types if type_.navigation == "records"]
        # What was found stands behind these; all kinds of records would be a wall between the box and the first line.
        near = {CONTACT, only, *(hit.identity for hit in hits)}

        def chip(type_: RecordType) -> tuple[str, str, str, bool]:
            address = urls.with_query(urls.SEARCH, [("q", text), ("type", type_.identity)])
            return type_.label_plural, address, type_.icon, type_.identity == only

        return self.render(
            "admin/search.html",
            omni_text=text,
            text=text,
            rows=[self.row(hit) for hit in hits],
            older_url=_older(pairs, following, ahead) if following else "",
            newest_url=urls.with_query(urls.SEARCH, pairs) if after else "",
            chips=[
                ("Everything", urls.with_query(urls.SEARCH, [("q", text)]), "search", not identities),
                *(chip(type_) for type_ in kinds if type_.identity in near),
            ],
            further=[chip(type_) for type_ in kinds if type_.identity not in near],
            may_add_contact=self.town.records.may(self.actor, "create", CONTACT),
            cases=self.desk.creatable_cases(self.actor),
        )

    def _people_first(self, text: str, hits: list[Hit], *, whole: bool) -> tuple[list[Hit], list[int]]:
        """Put some contacts before all else that names them: whoever types a name looks for a person first.

        They are looked for by themselves where what was found is not the ``whole`` and has too few of them. Returns as
        well the ids of those that stand ahead of their place, which later pages leave out.
        """
        here = {hit.id for hit in hits if hit.identity == CONTACT}
        people = [hit for hit in hits if hit.identity == CONTACT][:PEOPLE_FIRST]
        if len(people) < PEOPLE_FIRST and not whole:
            people, _ = self.town.records.search(self.actor, text, identities=[CONTACT], limit=PEOPLE_FIRST)
        known = {hit.id for hit in people}
        rest = (hit for hit in hits if hit.identity != CONTACT or hit.id not in known)
        return [*people, *rest], sorted(known - here)

    def row(self, hit: Hit) -> Row:
        """A hit as a line."""
        type_ = self.town.schemas[hit.identity]
        workflow = type_.workflow
        state = workflow.states.get(hit.state) if workflow is not None else None
        meta = " · ".join(part for part in (hit.number or type_.label, hit.note) if part)
        return Row(
            hit.title or type_.label,
            urls.record_url(hit.identity, hit.id),
            meta,
            type_.icon,
            self.desk.marks.pill(state),
        )
