"""``townhall roles``: what people may do, as named sets of permissions."""

from __future__ import annotations

from typing import Any

import click

from townhall.access.permissions import TOWN_PERMISSIONS
from townhall.access.permissions import permissions_of
from townhall.accounts import roles as kept
from townhall.accounts.roles import Role
from townhall.cli.context import open_town
from townhall.cli.context import operator
from townhall.cli.context import print_json
from townhall.cli.context import print_table
from townhall.presentation import plural

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def roles() -> None:
    """What people may do: roles and what they allow."""


@roles.command("list")
@_json
def list_roles(as_json: bool) -> None:
    """List all roles."""
    with open_town() as town:
        found = kept.everything(town)
    if as_json:
        print_json([_facts(role) for role in found])
        return
    rows = [(role.name, role.label, str(role.people), role.description) for role in found]
    print_table(("NAME", "LABEL", "PEOPLE", "WHAT"), rows)


@roles.command()
@click.argument("name")
@_json
def show(name: str, as_json: bool) -> None:
    """Show what a role allows, one permission in each line."""
    with open_town() as town:
        role = kept.by_name(town, name)
    if as_json:
        print_json(_facts(role))
        return
    click.echo(f"{role.label}: {role.description}".rstrip(": "))
    for permission in sorted(role.permissions):
        click.echo(f"  {permission}")


@roles.command()
@click.argument("type", required=False)
@_json
def permissions(type: str | None, as_json: bool) -> None:
    """List every permission that there is, or those of one type, with what it allows."""
    with open_town() as town:
        found = [] if type else kept.town_permissions(town)
        if type and type not in town.schemas:
            raise click.ClickException(f"There is no type {type!r} here. townhall schema show lists them.")
        for identity in [type] if type else sorted(town.schemas):
            found += list(permissions_of(town.schemas[identity]))
    if as_json:
        print_json([{"permission": name, "allows": label} for name, label in found])
        return
    print_table(("PERMISSION", "ALLOWS"), [(name, TOWN_PERMISSIONS.get(name, label)) for name, label in found])


@roles.command()
@click.argument("label")
@click.option("--like", default="", help="Begin with what this role allows.")
@click.option("--description", default="", help="What it is for.")
def create(label: str, like: str, description: str) -> None:
    """Make a role, with nothing or like another one."""
    with open_town() as town:
        role = kept.create(town, operator(), label, description=description, like=like)
    click.echo(f"The role {role.label} is made; its name is {role.name}.")


@roles.command()
@click.argument("name")
@click.argument("permissions", nargs=-1, required=True)
def grant(name: str, permissions: tuple[str, ...]) -> None:
    """Let a role allow more, like complaints.service_request.edit@department. It counts at once."""
    with open_town() as town:
        role = kept.grant(town, operator(), name, permissions)
    click.echo(f"{role.label} allows {plural(len(role.permissions), 'permission')} now.")


@roles.command()
@click.argument("name")
@click.argument("permissions", nargs=-1, required=True)
def revoke(name: str, permissions: tuple[str, ...]) -> None:
    """Take from a role what it holds, written just as townhall roles show writes it."""
    with open_town() as town:
        role = kept.revoke(town, operator(), name, permissions)
    click.echo(f"{role.label} allows {plural(len(role.permissions), 'permission')} now.")


@roles.command()
@click.argument("name")
def delete(name: str) -> None:
    """Delete a role that nobody has."""
    with open_town() as town:
        kept.delete(town, operator(), name)
    click.echo(f"The role {name} is deleted.")


def _facts(role: Role) -> dict[str, Any]:
    return {
        "name": role.name,
        "label": role.label,
        "description": role.description,
        "people": role.people,
        "permissions": sorted(role.permissions),
    }
