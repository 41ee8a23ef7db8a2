"""``townhall users``: who works here and may sign in."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

import click

from townhall.accounts import account_links
from townhall.accounts import lockout
from townhall.accounts import log
from townhall.accounts import own_password
from townhall.accounts import people
from townhall.accounts import second_factor
from townhall.accounts import sessions
from townhall.cases import holding
from townhall.cases import naming
from townhall.cli.context import ask_password
from townhall.cli.context import open_town
from townhall.cli.context import operator
from townhall.cli.context import print_json
from townhall.cli.context import print_table
from townhall.town import Town

_generate = click.option("--generate", is_flag=True, help="Make up a password and print it.")


@click.group()
def users() -> None:
    """Who works here and may sign in."""


@users.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_users(as_json: bool) -> None:
    """List everybody."""
    with open_town() as town:
        everybody = [(person, _facts(town, person)) for person in people.everybody(town)]
    if as_json:
        print_json([facts for _, facts in everybody])
        return
    rows = [
        (person.email, person.name, ", ".join(person.roles), _state(facts), "yes" if facts["second_factor"] else "no")
        for person, facts in everybody
    ]
    print_table(("E-MAIL", "NAME", "ROLE", "MAY SIGN IN", "CODE APP"), rows)


@users.command()
@click.argument("email")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(email: str, as_json: bool) -> None:
    """Show one person: role, sign-in, code app, sessions, and what happened last."""
    with open_town() as town:
        person = people.find(town, email)
        facts = _facts(town, person)
        events = log.read(town, person.id, limit=10)
    if as_json:
        print_json(facts)
        return
    last = person.last_sign_in.isoformat(timespec="minutes") if person.last_sign_in else "never"
    click.echo(f"{person.name} ({person.email}), {', '.join(person.role_labels) or 'without a role'}")
    click.echo(f"May sign in: {_state(facts)}. Last sign-in: {last}.")
    click.echo(f"Code app: {'set up' if facts['second_factor'] else 'none'}; devices signed in: {facts['sessions']}.")
    for event in events:
        click.echo(f"  {event.at.isoformat(timespec='minutes')}  {event.words}  {event.detail}".rstrip())


@users.command("roles")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_roles(as_json: bool) -> None:
    """List the roles that people can have."""
    with open_town() as town:
        choices = people.roles(town)
        needed = town.settings.second_factor
    if as_json:
        print_json(
            [
                {
                    "name": role.name,
                    "label": role.label,
                    "description": role.description,
                    "second_factor": "all" in needed or role.name in needed,
                }
                for role in choices
            ]
        )
        return
    print_table(("NAME", "LABEL", "WHAT"), [(role.name, role.label, role.description) for role in choices])


@users.command()
@click.argument("email")
@click.option("--role", default="clerk", show_default=True, help="What they may do.")
@click.option("--name", default="", help="Their name; made from the address if left out.")
@_generate
def add(email: str, role: str, name: str, generate: bool) -> None:
    """Add somebody. The password is asked for, or read as one line from standard input."""
    with open_town() as town:
        people.check_newcomer(town, email, role, name)
        password = _password(generate)
        person = people.add(town, operator(), email, name=name, role=role, password=password)
    click.echo(f"{person.name} ({person.email}) can sign in as {', '.join(person.role_labels)}.")
    if generate:
        click.echo(f"Password: {password}")


@users.command()
@click.argument("email")
@click.option("--role", default="", help="What they may do; clerk for somebody new.")
@click.option("--name", default="", help="Their name; made from the address if left out.")
def invite(email: str, role: str, name: str) -> None:
    """Add somebody who chooses their own password behind a link, or renew the invitation of somebody who has none yet.

    The link is printed, and sent as well where there is mail.
    """
    with open_town() as town:
        known = {person.email: person for person in people.everybody(town)}.get(email.strip().lower())
        if known is None:
            person, token = own_password.invite(town, operator(), email, name=name, role=role or "clerk")
        else:
            token = own_password.renew_invitation(town, operator(), known.id, name=name, role=role)
            person = people.by_id(town, known.id)
        mailed = own_password.send_invitation(town, person, token)
        _print_link(town, person, token, "invitation")
    if mailed:
        click.echo(f"It was sent to {person.email}.")


@users.command("withdraw-invitation")
@click.argument("email")
def withdraw_invitation(email: str) -> None:
    """Let an invitation work no more."""
    with open_town() as town:
        person = people.find(town, email)
        gone = own_password.withdraw_invitation(town, operator(), person.id)
    click.echo(f"The invitation of {person.name} works no more." if gone else f"{person.name} has no invitation.")


@users.command("set-role")
@click.argument("email")
@click.argument("roles", metavar="ROLE...", nargs=-1, required=True)
def set_role(email: str, roles: tuple[str, ...]) -> None:
    """Give somebody another role, or several: then they may do what any of them allows.

    Who has no code app and needs one by the new role is signed out everywhere, and sets it up at the next sign-in.
    """
    with open_town() as town:
        person = people.set_role(town, operator(), people.find(town, email).id, *roles)
        asked = f" {second_factor.SETS_UP}" if second_factor.is_missing(town, person) else ""
    click.echo(f"{person.name} is now {', '.join(person.role_labels)}.{asked}")


@users.command("set-password")
@click.argument("email")
@_generate
def set_password(email: str, generate: bool) -> None:
    """Give somebody a new password; they are signed out everywhere, and their calendar's address works no more."""
    with open_town() as town:
        found = people.find(town, email)
        password = _password(generate)
        person = people.set_password(town, operator(), found.id, password)
    click.echo(f"{person.name} has a new password. Sessions and calendar addresses from before work no more.")
    if generate:
        click.echo(f"Password: {password}")


@users.command("reset-password")
@click.argument("email")
def reset_password(email: str) -> None:
    """Print a link with which somebody chooses a new password, once, within an hour."""
    with open_town() as town:
        person = people.find(town, email)
        _print_link(town, person, own_password.make_reset_link(town, operator(), person.id), "reset")


@users.command("reset-second-factor")
@click.argument("email")
def reset_second_factor(email: str) -> None:
    """Take somebody's code app away, for a lost phone; they are signed out everywhere."""
    with open_town() as town:
        person = people.find(town, email)
        gone = second_factor.remove(town, operator(), person.id)
        again = " They set up a new one at the next sign-in." if second_factor.is_required(town, person) else ""
    click.echo(f"The code app of {person.name} is taken away.{again}" if gone else f"{person.name} has no code app.")


@users.command()
@click.argument("email")
def unlock(email: str) -> None:
    """Let somebody try to sign in at once, who has to wait after too many failures."""
    with open_town() as town:
        person = people.find(town, email)
        lockout.unlock(town, operator(), person.id, person.email)
    click.echo(f"{person.name} can try again at once.")


@users.command("sessions")
@click.argument("email")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_sessions(email: str, as_json: bool) -> None:
    """List where somebody is signed in."""
    with open_town() as town:
        found = sessions.of(town, people.find(town, email).id)
    if as_json:
        print_json(
            [
                {
                    "id": each.id,
                    "device": each.device,
                    "started": each.started.isoformat(),
                    "last_seen": each.last_seen.isoformat(),
                    "place": each.place,
                }
                for each in found
            ]
        )
        return
    rows = [
        (str(each.id), each.device, f"{each.started:%Y-%m-%d %H:%M}", f"{each.last_seen:%Y-%m-%d %H:%M}", each.place)
        for each in found
    ]
    print_table(("ID", "DEVICE", "SINCE (UTC)", "LAST SEEN (UTC)", "FROM"), rows)


@users.command("end-sessions")
@click.argument("email")
@click.option("--id", "id", type=int, default=None, help="Only this one, by its number in the list.")
def end_sessions(email: str, id: int | None) -> None:
    """Sign somebody out, everywhere or of one device."""
    with open_town() as town:
        person = people.find(town, email)
        if id is None:
            ended = sessions.end_all(town, operator(), person.id)
        else:
            sessions.end(town, operator(), person.id, id)
            ended = 1
    click.echo(f"{person.name} is signed out of {ended} {'device' if ended == 1 else 'devices'}.")


@users.command("log")
@click.argument("email", required=False)
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many, the newest.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show_log(email: str | None, limit: int, as_json: bool) -> None:
    """Show what happened to accounts: sign-ins and failures, locks, passwords, roles. The newest come first."""
    with open_town() as town:
        events = log.read(town, people.find(town, email).id if email else None, limit=limit)
        emails = {person.id: person.email for person in people.everybody(town)}
    named = [(event, emails.get(event.user_id or 0, "")) for event in events]
    if as_json:
        print_json(
            [
                {
                    "at": event.at.isoformat(),
                    "account": whose or None,
                    "what": event.what,
                    "detail": event.detail,
                    "by": event.by,
                    "door": event.door,
                    "place": event.place,
                }
                for event, whose in named
            ]
        )
        return
    rows = [
        (f"{event.at:%Y-%m-%d %H:%M}", whose, f"{event.words} {event.detail}".rstrip(), event.by, event.place)
        for event, whose in named
    ]
    print_table(("WHEN (UTC)", "WHOSE", "WHAT", "BY", "FROM"), rows)


@users.command()
@click.argument("email")
def deactivate(email: str) -> None:
    """Sign somebody out and don't let them in any more; what they did stays under their name."""
    with open_town() as town:
        person = people.set_active(town, operator(), people.find(town, email).id, False)
        left = sum(holding.open_work(town, operator(), person.id).values())
        named = naming.naming(town, operator(), person.id)
    click.echo(f"{person.name} can't sign in any more.")
    if left:
        click.echo(f"Open cases that are still theirs: {left}. Hand them over: townhall users hand-over {email} [TO]")
    _print_naming(named, person)


@users.command()
@click.argument("email")
def reactivate(email: str) -> None:
    """Let somebody sign in again."""
    with open_town() as town:
        person = people.set_active(town, operator(), people.find(town, email).id, True)
    click.echo(f"{person.name} can sign in again.")


@users.command("hand-over")
@click.argument("email")
@click.argument("to", required=False)
@click.option("--note", default="", help="Colleagues read it on every case.")
def hand_over(email: str, to: str | None, note: str) -> None:
    """Give all open work of somebody to a colleague, or back to its queues if none is named.

    Each case is moved by itself; what can't be is listed, and the command fails. Other open cases and coming events
    that name them, such as reviews and inspections, stay and are listed too.
    """
    with open_town() as town:
        whose, colleague = people.find(town, email), people.find(town, to) if to else None
        done = holding.hand_over(town, operator(), whose.id, colleague.id if colleague else None, note=note)
        sentences = done.sentences(town, colleague.name if colleague else "their queues")
        named = naming.naming(town, operator(), whose.id)
    for sentence in sentences:
        click.echo(sentence)
    _print_naming(named, whose)
    if done.refused:
        raise SystemExit(1)


def _password(generate: bool) -> str:
    return secrets.token_urlsafe(12) if generate else ask_password()


def _print_naming(named: Sequence[naming.Naming], person: people.Person) -> None:
    """Say where somebody is still named, which no handing over changes."""
    for each in named:
        click.echo(each.sentence(person.name))
    if named:
        click.echo(naming.STAY)


def _print_link(town: Town, person: people.Person, token: str, purpose: account_links.Purpose) -> None:
    settings = town.settings
    host = "localhost" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104  # compared
    until = account_links.expiry(town, person.id, purpose)
    click.echo(f"Hand this link to {person.name} and to nobody else:")
    click.echo(own_password.address(town, token, f"http://{host}:{settings.port}"))
    click.echo(f"It works once, until {until:%Y-%m-%d %H:%M} UTC.")


def _facts(town: Town, person: people.Person) -> dict[str, Any]:
    until = lockout.locked_until(town, person.email)
    invited = account_links.expiry(town, person.id, "invitation")
    return {
        "email": person.email,
        "name": person.name,
        "roles": person.roles,
        "active": person.active,
        "last_sign_in": person.last_sign_in.isoformat() if person.last_sign_in else None,
        "has_password": person.has_password,
        "invited_until": invited.isoformat() if invited else None,
        "locked_until": until.isoformat() if until else None,
        "second_factor": second_factor.of(town, person.id) is not None,
        "second_factor_required": second_factor.is_required(town, person),
        "sessions": len(sessions.of(town, person.id)),
    }


def _state(facts: dict[str, Any]) -> str:
    if not facts["active"]:
        return "no"
    if facts["locked_until"]:
        return "has to wait"
    if not facts["has_password"]:
        return "invited" if facts["invited_until"] else "no password"
    return "yes"
