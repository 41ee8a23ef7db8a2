"""The outbox on screen: what waits, what failed and why, and what a person can do about it."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from typing import TYPE_CHECKING

from flask import flash
from flask import redirect
from flask import request
from flask.typing import ResponseReturnValue
from flask_admin import expose

from townhall.access.actors import Actor
from townhall.admin import urls
from townhall.admin.mail_words import PILLS
from townhall.admin.mail_words import delivery
from townhall.admin.staff import StaffView
from townhall.citizens import links
from townhall.errors import Rejected
from townhall.errors import TownhallError
from townhall.mail import at_once
from townhall.mail import health
from townhall.messages import going_out
from townhall.messages import letters
from townhall.messages import links as message_links
from townhall.messages import outbox
from townhall.messages import personal
from townhall.messages import rendering
from townhall.messages import switches
from townhall.messages import visibility
from townhall.messages.outbox import Message
from townhall.messages.placeholders import LINK
from townhall.own_paths import own_path
from townhall.presentation import plural

if TYPE_CHECKING:
    from townhall.admin.desk import Desk

SHOWN = 50
#: The tabs: their name in the address, their label, and the statuses that they show.
TABS = (
    ("attention", "Need attention", outbox.TROUBLED),
    ("waiting", "Waiting", outbox.OPEN),
    ("sent", "Sent", ("sent",)),
    ("dropped", "Not sent", ("dropped",)),
)


@dataclass(frozen=True, slots=True)
class Line:
    """A message as the page shows it, with what can be done about it.

    Of one that is there for whoever looks after the outbox, and of which they may not know more, only how far it is.
    """

    message: Message
    pill: tuple[str, str, str]
    deeds: Sequence[tuple[str, str]]
    title: str = ""
    about: str = ""
    url: str = ""
    name: str = ""
    recipient: str = ""
    state: str = ""
    text: str = ""


class OutboxView(StaffView):
    """The pages of the outbox."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, name="Outbox", endpoint="admin_outbox", url=urls.OUTBOX.rstrip("/"))

    def is_accessible(self) -> bool:
        """Whoever may write to citizens sees what became of it; only some may do something about it.

        Who looks after the outbox has a line for every message, and everybody else for those of which they may know.
        """
        return self.actor.kind == "staff" and (outbox.may_manage(self.actor) or letters.may_send(self.town, self.actor))

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """One tab of the outbox, or all that was sent about one record."""
        town, actor = self.town, self.actor
        manages = outbox.may_manage(actor)
        seen_by = None if manages else actor
        counts = outbox.counts(town, seen_by)
        named, before = request.args.get("show", ""), urls.number(request.args.get("before"))
        needing = counts["dead"] + counts["held"]
        tab = next((each for each in TABS if each[0] == named), TABS[0] if needing else TABS[1])
        about = self._about(request.args.get("about", ""))
        found = outbox.find(
            town, statuses=() if about else tab[2], about=about, before=before, limit=SHOWN + 1, seen_by=seen_by
        )
        more = len(found) > SHOWN
        arguments = [("about", f"{about[0]}:{about[1]}")] if about else [("show", tab[0])]
        seen = {each.id for each in (visibility.visible(town, actor, found[:SHOWN]) if manages else found)}
        return self.render(
            "admin/outbox.html",
            lines=[self._line(message, message.id in seen) for message in found[:SHOWN]],
            tabs=[
                (
                    label,
                    urls.with_query(urls.OUTBOX, [("show", name)]),
                    name == tab[0] and not about,
                    self._count(counts, name),
                )
                for name, label, _ in TABS
            ],
            tab="" if about else tab[0],
            about=about,
            older_url=urls.with_query(urls.OUTBOX, [*arguments, ("before", found[SHOWN - 1].id)]) if more else "",
            notices=list(self._notices()),
            paused=bool(switches.paused(self.town.system)),
            held=bool(switches.automatic_held(self.town.system)),
            may_manage=manages,
            letters=letters.number(town, actor) if manages else counts["letters"],
        )

    @expose("/act", methods=("POST",))
    def act(self) -> ResponseReturnValue:
        """Try again, drop, print instead, pause, go on, or send a test."""
        deed, id = request.form.get("deed", ""), urls.number(request.form.get("id"))
        back = own_path(request.form.get("back"), urls.OUTBOX)
        try:
            flash(self._do(self.actor, deed, id), "ok")
        except TownhallError as error:
            flash(str(error), "bad")
        return redirect(back)

    def _do(self, actor: Actor, deed: str, id: int) -> str:
        town = self.town
        if deed == "retry":
            if reason := going_out.retry(town, actor, [id]).refused.get(id):
                raise Rejected(f"It is not tried again. {reason}")
            return f"It is tried again {health.when(town)}."
        if deed == "retry_all":
            count = going_out.retry(town, actor).count
            return f"{plural(count, 'message')} {'is' if count == 1 else 'are'} tried again {health.when(town)}."
        if deed == "drop":
            outbox.drop(town, actor, id)
            return "It is not sent."
        if deed == "print":
            message = letters.instead_of_mail(town, actor, id)
            return f"It waits among the letters now, for {message.name}."
        if deed == "pause":
            switches.pause(town, actor)
            return "Sending is paused. Messages wait until you go on."
        if deed == "resume":
            held = switches.resume(town, actor)
            return "Messages go out again." + (f" {plural(held, 'message')} had been held back." if held else "")
        if deed == "test":
            outbox.require(actor)
            return at_once.send_test(town, request.form.get("address", ""))
        return "There was nothing to do."

    def _about(self, text: str) -> tuple[str, int] | None:
        """The record of which all messages are asked for. Raises what reading it does if it is not the reader's."""
        identity, _, id = text.partition(":")
        if not identity or not urls.number(id):
            return None
        record = self.town.records.get(self.actor, identity, urls.number(id), fields=())
        return record.identity, record.id

    def _line(self, message: Message, seen: bool) -> Line:
        pill, deeds = PILLS[message.status], self._deeds(message, seen)
        to_colleague = message.identity == outbox.COLLEAGUE
        if not seen and not to_colleague:
            return Line(message, pill, deeds)
        state = delivery(self.desk.presenter, self.town, message, known=True)
        if message.status == "failed" and message.error:
            state = f"{state}. {message.error}"
        line = Line(message, pill, deeds, name=message.name, recipient=message.recipient, state=state)
        if to_colleague:
            # What it tells is of a case that whoever looks after the outbox need not see.
            return replace(line, title="Notice to a colleague")
        label = self.town.schemas[message.identity].label
        return replace(
            line,
            title=message.subject or "Deleted after some time",
            about=f"{label} {message.number}".strip(),
            url=urls.record_url(message.identity, message.record_id),
            text=self._text(message),
        )

    def _deeds(self, message: Message, seen: bool) -> list[tuple[str, str]]:
        """What the reader can do about a message: the deed and its button. Letters that they see have a page."""
        mail, manages = message.channel == "email", outbox.may_manage(self.actor)
        if message.status not in outbox.STOPPABLE or (seen and not mail):
            return []
        made = []
        if manages and mail and message.status != "queued":
            made.append(("retry", "Try again"))
        if seen:
            made.append(("print", "Print instead"))
        if manages:
            made.append(("drop", "Don't send"))
        return made

    def _text(self, message: Message) -> str:
        """The text as it may be shown: its secret link only in a demo town, which sends no mail to read it in."""
        if LINK in message.body and links.is_demo(self.town) and personal.expires(self.town, message) is not None:
            root = request.url_root.rstrip("/")
            return message.body.replace(LINK, f"{root}{message_links.path(self.town, message)}")
        return rendering.readable(message.body)

    @staticmethod
    def _count(counts: Mapping[str, int], name: str) -> str:
        value = {"attention": counts["dead"] + counts["held"], "waiting": sum(counts[each] for each in outbox.OPEN)}
        return str(value.get(name) or "")

    def _notices(self) -> Iterator[tuple[str, str]]:
        """What keeps messages from going out, each with what to do."""
        town = self.town
        if not town.settings.mail_host:
            yield (
                "soon",
                "No mail server is set up, so nothing goes out by mail. Messages wait and are not lost; they can be "
                "printed as letters. Write the server into [mail] of townhall.toml and start Townhall again.",
            )
        if reason := switches.paused(town.system):
            yield "soon", f"{reason} Messages wait until you go on."
        if reason := switches.automatic_held(town.system):
            yield (
                "bad",
                f"{reason} What colleagues write goes out. Look whether a machine answers a machine, then go on.",
            )
        if trouble := health.failing(town):
            yield "bad", trouble
