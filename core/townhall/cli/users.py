"""``townhall users``: who works here and may sign in."""

from __future__ import annotations

import secrets

import click

from townhall.accounts import people
from townhall.cases import holding
from townhall.cli.context import ask_password
from townhall.cli.context import open_town
from townhall.cli.context import operator
from townhall.cli.context import print_json
from townhall.cli.context import print_table

_generate = click.option("--generate", is_flag=True, help="Make up a password and print it.")


@click.group()
def users() -> None:
    """Who works here and may sign in."""


@users.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_users(as_json: bool) -> None:
    """List everybody."""
    with open_town() as town:
        everybody = people.everybody(town)
    if as_json:
        print_json(
            [
                {
                    "email": person.email,
                    "name": person.name,
                    "roles": person.roles,
                    "active": person.active,
                    "last_sign_in": person.last_sign_in.isoformat() if person.last_sign_in else None,
                }
                for person in everybody
            ]
        )
        return
    rows = [
        (person.email, person.name, ", ".join(person.roles), "yes" if person.active else "no") for person in everybody
    ]
    print_table(("E-MAIL", "NAME", "ROLE", "MAY SIGN IN"), rows)


@users.command()
@click.argument("email")
@click.option("--role", default="clerk", show_default=True, help="What they may do.")
@click.option("--name", default="", help="Their name; made from the address if left out.")
@_generate
def add(email: str, role: str, name: str, generate: bool) -> None:
    """Add somebody. The password is asked for, or read as one line from standard input."""
    with open_town() as town:
        password = _password(generate)
        person = people.add(town, operator(), email, name=name, role=role, password=password)
    click.echo(f"{person.name} ({person.email}) can sign in as {', '.join(person.role_labels)}.")
    if generate:
        click.echo(f"Password: {password}")


@users.command("set-role")
@click.argument("email")
@click.argument("role")
def set_role(email: str, role: str) -> None:
    """Give somebody another role."""
    with open_town() as town:
        person = people.set_role(town, operator(), people.find(town, email).id, role)
    click.echo(f"{person.name} is now {', '.join(person.role_labels)}.")


@users.command("set-password")
@click.argument("email")
@_generate
def set_password(email: str, generate: bool) -> None:
    """Give somebody a new password; they are signed out everywhere."""
    with open_town() as town:
        found = people.find(town, email)
        password = _password(generate)
        person = people.set_password(town, operator(), found.id, password)
    click.echo(f"{person.name} has a new password.")
    if generate:
        click.echo(f"Password: {password}")


@users.command()
@click.argument("email")
def deactivate(email: str) -> None:
    """Don't let somebody sign in any more; what they did stays under their name."""
    with open_town() as town:
        person = people.set_active(town, operator(), people.find(town, email).id, False)
        left = sum(holding.open_work(town, operator(), person.id).values())
    click.echo(f"{person.name} can't sign in any more.")
    if left:
        click.echo(f"Open cases that are still theirs: {left}. Hand them over: townhall users hand-over {email} [TO]")


@users.command()
@click.argument("email")
def activate(email: str) -> None:
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

    Each case is moved by itself; what can't be is listed, and the command fails.
    """
    with open_town() as town:
        whose, colleague = people.find(town, email), people.find(town, to) if to else None
        done = holding.hand_over(town, operator(), whose.id, colleague.id if colleague else None, note=note)
        sentences = done.sentences(town, colleague.name if colleague else "their queues")
    for sentence in sentences:
        click.echo(sentence)
    if done.refused:
        raise SystemExit(1)


def _password(generate: bool) -> str:
    return secrets.token_urlsafe(12) if generate else ask_password()
