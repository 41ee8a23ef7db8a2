"""The one way in: every door reads and writes records through :class:`Records`, as an actor.

The methods only name what can be done; each is done by a module of its own.
"""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.access.permissions import Verb
from townhall.records import attachments
from townhall.records import history
from townhall.records import importing
from townhall.records import merged
from townhall.records import merging
from townhall.records import messages
from townhall.records import onward
from townhall.records import panels
from townhall.records import plans
from townhall.records import predicate
from townhall.records import reading
from townhall.records import restricting
from townhall.records import revealing
from townhall.records import searching
from townhall.records import secret_links
from townhall.records import shared_cases
from townhall.records import sharing
from townhall.records import timeline
from townhall.records import unmerging
from townhall.records import versions
from townhall.records import workflow
from townhall.records import writing
from townhall.records.domains import Outgoing
from townhall.records.figures.slices import Slice
from townhall.records.merging import Merging
from townhall.records.predicate import Where
from townhall.records.sharing import Share
from townhall.records.standing import Standing
from townhall.records.transaction import refuse_frozen
from townhall.records.types import Count
from townhall.records.types import HistoryEntry
from townhall.records.types import Hit
from townhall.records.types import Page
from townhall.records.types import Record
from townhall.records.types import RowOutcome
from townhall.records.types import TimelineEntry
from townhall.records.unmerging import Apart
from townhall.records.versions import Difference
from townhall.records.versions import Version
from townhall.records.write_plans import write_plan
from townhall_forms.context import Option
from townhall_forms.context import StoredFile
from townhall_forms.schema import RecordType
from townhall_forms.schema import Transition

if TYPE_CHECKING:
    from townhall.town import Town


class Records:
    """Reads and writes records of one town."""

    def __init__(self, town: Town) -> None:
        self._town = town

    # -- reading ----------------------------------------------------------------------------------------------

    def may(self, actor: Actor, verb: Verb, identity: str) -> bool:
        """Whether the actor may do ``verb`` to records of the type at all, as things stand."""
        record_type = self._town.schemas.get(identity)
        if record_type is None or not policy.may(actor, verb, record_type):
            return False
        return verb in policy.READING or not self._town.plugins.read_only(identity)

    def may_ask(self, actor: Actor, identity: str, *paths: str) -> bool:
        """Whether the actor may filter, sort and group records of the type by all of these fields.

        Without the permission to see internal fields they may not do so by one of those, and nobody may by a
        confidential one.
        """
        record_type = self._town.schemas[identity]
        return all(predicate.may_ask(self._town, actor, record_type, path) for path in paths)

    def own_sort(self, actor: Actor, identity: str) -> str:
        """The type's own sort order, or newest first for an actor who may not know what that goes by."""
        return reading.own_sort(self._town, actor, self._town.schemas[identity])

    def reaches(self, actor: Actor, verb: Verb, record: Record) -> bool:
        """Whether the actor may do ``verb`` to this very record, as far as permissions say."""
        return self.may(actor, verb, record.identity) and predicate.reaches(
            self._town, actor, verb, record.type, record.id
        )

    def kept_back(self, actor: Actor, identity: str) -> str:
        """Why the actor sees no record of the type at the moment although they may, in a sentence; mostly empty."""
        record_type = self._town.schemas.get(identity)
        return restricting.reason(self._town, actor, record_type) if record_type is not None else ""

    def types(self, actor: Actor, verb: Verb = "view") -> Sequence[RecordType]:
        """Types to whose records the actor may do ``verb`` at all, in no order that means anything."""
        return plans.types(self._town, actor, verb)

    def get(
        self,
        actor: Actor,
        identity: str,
        id: int,
        *,
        fields: Collection[str] | None = None,
    ) -> Record:
        """One record. Raises :class:`~townhall.errors.NotFound` if there is none that the actor may know of.

        Confidential values are never among what comes back to staff: :meth:`reveal` gives one of them, for a reason.
        """
        return reading.get(self._town, actor, identity, id, fields=fields)

    def by_number(self, actor: Actor, identity: str, number: str) -> Record:
        """The record with this number, however it was typed."""
        return reading.by_number(self._town, actor, identity, number)

    def find(
        self,
        actor: Actor,
        identity: str,
        where: Where = None,
        *,
        search: str = "",
        sort: str = "",
        limit: int = 50,
        after: str = "",
        before: str = "",
        fields: Collection[str] | None = None,
        archived: bool | None = False,
        figure: Slice | None = None,
        verb: Verb = "view",
    ) -> Page:
        """One page of records in sort order; with ``figure`` only those that a figure counts.

        ``verb`` keeps to those to which the actor may do that as well: ``export``, for example.
        """
        return reading.find(
            self._town,
            actor,
            identity,
            where,
            search=search,
            sort=sort,
            limit=limit,
            after=after,
            before=before,
            fields=fields,
            archived=archived,
            figure=figure,
            verb=verb,
        )

    def count(
        self,
        actor: Actor,
        identity: str,
        where: Where = None,
        *,
        search: str = "",
        archived: bool | None = False,
        figure: Slice | None = None,
        cap: int = 10_000,
        verb: Verb = "view",
    ) -> Count:
        """How many records there are to which the actor may do ``verb``, counted up to ``cap``."""
        return reading.count(
            self._town, actor, identity, where, search=search, archived=archived, figure=figure, cap=cap, verb=verb
        )

    def aggregate(
        self,
        actor: Actor,
        identity: str,
        *,
        group_by: Sequence[str],
        where: Where = None,
        sums: Sequence[str] = (),
    ) -> list[dict[str, Any]]:
        """Counts, and sums of ``sums``, for each combination of values of ``group_by``."""
        return reading.aggregate(self._town, actor, identity, group_by=group_by, where=where, sums=sums)

    def lookup(self, actor: Actor, identity: str, text: str, *, where: Where = None, limit: int = 10) -> list[Option]:
        """Records that a link may point at, best match first."""
        return reading.lookup(self._town, actor, identity, text, where=where, limit=limit)

    def search(
        self,
        actor: Actor,
        text: str,
        *,
        identities: Sequence[str] | None = None,
        limit: int = 20,
        after: str = "",
        without: Mapping[str, Sequence[int]] | None = None,
    ) -> tuple[list[Hit], str]:
        """Records of all types that hold the words of ``text``, and the cursor of the next page; ``without`` leaves out
        a few of them: their ids by identity.
        """
        return searching.search(
            self._town, actor, text, identities=identities, limit=limit, after=after, without=without or {}
        )

    def timeline(
        self,
        actor: Actor,
        identity: str,
        id: int,
        *,
        kinds: Collection[str] | None = None,
        limit: int = 20,
        after: str = "",
    ) -> tuple[list[TimelineEntry], str, dict[str, int]]:
        """What happened to or with a record, newest first; the next cursor; and how much there is of each kind."""
        return timeline.timeline(self._town, actor, identity, id, kinds=kinds, limit=limit, after=after)

    def timeline_of(
        self,
        actor: Actor,
        record: Record,
        *,
        kinds: Collection[str] | None = None,
        limit: int = 20,
        after: str = "",
        standings: Sequence[Standing] | None = None,
    ) -> tuple[list[TimelineEntry], str, dict[str, int]]:
        """The timeline of a record that the actor has read; a contact's perhaps with what they stand on."""
        return timeline.of(self._town, actor, record, kinds=kinds, limit=limit, after=after, standings=standings)

    def panels(self, actor: Actor, record: Record, *, filled: bool = False) -> Any:
        """Lists of the records that point at this one; only those that are ``filled``, or empty ones as well."""
        return panels.panels(self._town, actor, record, only_filled=filled)

    def history(self, actor: Actor, identity: str, id: int) -> list[HistoryEntry]:
        """The record's append-only history, as far as the actor may see it."""
        return history.history(self._town, actor, identity, id)

    def version(self, actor: Actor, identity: str, id: int, number: int) -> Version:
        """A record as it was at an earlier version, as far as the actor may see it."""
        return versions.version(self._town, actor, identity, id, number)

    def compare(self, actor: Actor, identity: str, id: int, old: int, new: int) -> list[Difference]:
        """The fields that have different values at two versions of a record."""
        return versions.compare(self._town, actor, identity, id, old, new)

    def restoring(self, actor: Actor, identity: str, id: int, number: int) -> list[Difference]:
        """What bringing back an earlier version would change, and what of it can't be brought back."""
        return versions.restoring(self._town, actor, identity, id, number)

    def reveal(self, actor: Actor, identity: str, id: int, field: str, reason: str) -> Any:
        """The value of a confidential field. That it was looked at, by whom and why, is written down first."""
        return revealing.reveal(self._town, actor, identity, id, field, reason)

    def external_keys(self, actor: Actor, identity: str, keys: Sequence[str]) -> set[str]:
        """Which of these keys of another system are there already."""
        return importing.external_keys(self._town, actor, identity, keys)

    # -- writing ----------------------------------------------------------------------------------------------

    def create(
        self,
        actor: Actor,
        identity: str,
        values: Mapping[str, Any],
        *,
        state: str | None = None,
        form: str | None = None,
        note: str = "",
        contact_id: int | None = None,
        contact: Mapping[str, str] | None = None,
    ) -> Record:
        """Make a record. The public names the ``form`` it fills in, and in ``contact`` perhaps says who it is."""
        return writing.create(
            self._town,
            actor,
            identity,
            values,
            state=state,
            form=form,
            note=note,
            contact_id=contact_id,
            contact=contact,
        )

    def update(
        self, actor: Actor, identity: str, id: int, values: Mapping[str, Any], *, version: int, note: str = ""
    ) -> Record:
        """Change the fields in ``values`` of a record that the actor saw at ``version``.

        Of standard fields they are ``assignee``, ``queue``, ``due`` and ``channel``; :meth:`transition` moves a case.
        """
        return writing.update(self._town, actor, identity, id, values, version=version, note=note)

    def bring_back(
        self,
        actor: Actor,
        identity: str,
        id: int,
        number: int,
        *,
        version: int,
        names: Collection[str] | None = None,
        note: str = "",
    ) -> Record:
        """Make a new version with the values of version ``number``: of all fields that can be, or of ``names``."""
        return versions.bring_back(self._town, actor, identity, id, number, version=version, names=names, note=note)

    def archive(self, actor: Actor, identity: str, id: int, *, version: int, note: str = "") -> Record:
        """Put a record aside. Nothing is deleted."""
        return writing.archive(self._town, actor, identity, id, version=version, note=note)

    def restore(self, actor: Actor, identity: str, id: int, *, version: int, note: str = "") -> Record:
        """Take an archived record back."""
        return writing.restore(self._town, actor, identity, id, version=version, note=note)

    def merge(
        self,
        actor: Actor,
        identity: str,
        kept: int,
        other: int,
        chosen: Mapping[str, str] | None = None,
        *,
        versions: tuple[int, int],
        note: str = "",
    ) -> Record:
        """Make one of two records: ``other`` goes on as ``kept``. ``versions`` are those that the actor saw, of both.

        ``chosen`` says of fields whose value stands: ``kept``, ``other`` or ``both``, as :meth:`merging` offers them.
        """
        return merging.merge(self._town, actor, identity, kept, other, chosen or {}, versions=versions, note=note)

    def merging(self, actor: Actor, identity: str, kept: int, other: int) -> Merging:
        """What merging ``other`` into ``kept`` would do, and what there is to choose."""
        return merging.merging(self._town, actor, identity, kept, other)

    def take_apart(self, actor: Actor, identity: str, other: int, *, version: int, note: str = "") -> Apart:
        """Bring back a record that was merged into another, as far as nobody has changed since what that did."""
        return unmerging.take_apart(self._town, actor, identity, other, version=version, note=note)

    def onward(self, identity: str, id: int) -> int:
        """The id of the record as which one goes on that was merged; its own for any other."""
        return onward.onward(self._town, identity, [id]).get(id, id)

    def came_to(self, actor: Actor, record: Record) -> Record | None:
        """The record as which a merged one goes on, if the actor may know of it."""
        return merged.came_to(self._town, actor, record)

    def came_from(self, actor: Actor, record: Record) -> list[Record]:
        """The records that were merged into one, of which the actor may know."""
        return merged.came_from(self._town, actor, record)

    def import_rows(
        self, actor: Actor, identity: str, rows: Sequence[Mapping[str, Any]], *, dry_run: bool = False
    ) -> list[RowOutcome]:
        """Make a record of every row, or of none if any has a mistake."""
        return importing.import_rows(self._town, actor, identity, rows, dry_run=dry_run)

    def message(
        self,
        actor: Actor,
        identity: str,
        id: int,
        body: str,
        *,
        subject: str = "",
        files: Sequence[Any] = (),
        channel: str = "web",
        way: str = "",
    ) -> Record:
        """Write a message about a record that the citizen can read: from the citizen, or from staff to them."""
        said = Outgoing(body, subject, files, channel, way)
        return messages.message(self._town, actor, identity, id, said)

    # -- cases ------------------------------------------------------------------------------------------------

    def transition(
        self,
        actor: Actor,
        identity: str,
        id: int,
        name: str,
        values: Mapping[str, Any] | None = None,
        *,
        version: int,
        note: str = "",
        message: str = "",
    ) -> Record:
        """Move a case as the declared transition ``name`` says. ``message`` goes to the citizen."""
        return workflow.transition(
            self._town, actor, identity, id, name, values, version=version, note=note, message=message
        )

    def transitions(self, actor: Actor, record: Record) -> list[Transition]:
        """The moves that the actor may make with this record now."""
        return workflow.transitions(self._town, actor, record)

    def offered(self, actor: Actor, record: Record) -> list[tuple[Transition, str]]:
        """The moves that the schema lets the actor make now, each with the sentence of a plugin that refuses it."""
        return workflow.offered(self._town, actor, record)

    def passed(self, actor: Actor, identity: str, id: int) -> list[tuple[str, datetime]]:
        """The states that a case has been in, in order, each with the moment at which it came into it."""
        return workflow.passed(self._town, actor, identity, id)

    # -- other departments ------------------------------------------------------------------------------------

    def shares(self, actor: Actor, identity: str, id: int) -> list[Share]:
        """The teams to which a case is open besides its own."""
        return sharing.shares(self._town, actor, identity, id)

    def may_share(self, actor: Actor, record: Record) -> bool:
        """Whether the actor may open this case to other teams."""
        return sharing.may_share(self._town, actor, record)

    def may_give(self, actor: Actor, record: Record) -> bool:
        """Whether the actor may take this case or give it to others: not if it is only shared with their team."""
        return (
            record.type.is_case
            and self.may(actor, "edit", record.identity)
            and shared_cases.in_own_right(self._town, actor, record.type, record.id)
        )

    def only_shared(self, actor: Actor, records: Sequence[Record]) -> set[tuple[str, int]]:
        """Which of these cases the actor may change, but not take, since they are only shared with a team of theirs."""
        return shared_cases.only_shared(self._town, actor, records)

    def share(self, actor: Actor, identity: str, id: int, team: int, level: str, reason: str = "") -> Share:
        """Open one case to the team of the queue ``team``, to ``view`` or to ``work`` on."""
        return sharing.share(self._town, actor, identity, id, team, level, reason)

    def unshare(self, actor: Actor, identity: str, id: int, share_id: int) -> None:
        """Close a case again to a team that it was shared with."""
        sharing.unshare(self._town, actor, identity, id, share_id)

    # -- files and links --------------------------------------------------------------------------------------

    def open_file(self, actor: Actor, file_id: int, reason: str = "") -> tuple[StoredFile, Path]:
        """A record's file and where its bytes stand, if the actor may see the field that it is in: a confidential one
        for a ``reason``, which is written down.
        """
        return attachments.open_file(self._town, actor, file_id, reason)

    def sent_files(self, actor: Actor, identity: str, id: int) -> dict[str, int]:
        """How many files whoever the record belongs to sent with it, by field; nothing for anybody else."""
        return attachments.sent_files(self._town, actor, identity, id)

    def make_link(self, actor: Actor, identity: str, id: int, purpose: str, *, expires: datetime | None = None) -> str:
        """A secret token that opens the record for ``purpose``. It can't be read back later."""
        refuse_frozen(write_plan(self._town, identity))
        reading.get(self._town, actor, identity, id, fields=())
        return secret_links.make(self._town, identity, id, purpose, expires=expires)

    def renew_link(self, actor: Actor, identity: str, id: int, purpose: str) -> str:
        """A new secret token for who lost theirs: older ones stop working, and that it was given is written down."""
        return secret_links.renew(self._town, actor, identity, id, purpose)

    def resolve_link(self, token: str, purpose: str) -> tuple[str, int] | None:
        """The record that a token opens, if it opens one for this purpose."""
        return secret_links.resolve(self._town, token, purpose)

    def revoke_link(self, actor: Actor, identity: str, id: int, purpose: str) -> int:
        """Make every link of that purpose to the record open nothing; how many there were."""
        policy.require(actor, "edit", write_plan(self._town, identity).record_type)
        predicate.require_within(self._town, actor, "edit", self._town.schemas[identity], id)
        return secret_links.revoke_all(self._town, identity, id, purpose)
