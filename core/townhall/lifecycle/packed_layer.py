"""The town's own layer in a pack: what a town says about a plugin's types comes along with their records.

Where the new town says nothing about a type, it says what the old one did. Where it does, its words stay, and only the
old town's own fields are added, which the records have values in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from townhall.access.actors import Actor
from townhall.lifecycle import town_layer
from townhall.lifecycle.pack_files import LAYER
from townhall.lifecycle.pack_files import PackReader
from townhall_forms.errors import SchemaErrors
from townhall_forms.layer import EMPTY
from townhall_forms.layer import Layer
from townhall_forms.layer import Table
from townhall_forms.layer import read_layer

if TYPE_CHECKING:
    from townhall.town import Town


def merged(town: Town, pack: PackReader) -> Layer:
    """The town's layer as it will be with what comes in a pack.

    Raises :class:`~townhall.errors.PluginError` if both towns call a field of their own the same and mean another, and
    while somebody's changes wait to be published: they would be lost.
    """
    types: dict[str, Table] = dict(town.layer.types)
    theirs = _packed(pack)
    for identity in theirs.types:
        if not identity.startswith(f"{pack.contents.plugin}."):
            raise pack.wrong(f"“{LAYER}” in it is about records that are not in it.")
        if identity not in types:
            types[identity] = theirs.of(identity)
            continue
        ours = town.layer.own_fields(identity)
        for name, told in theirs.own_fields(identity).items():
            if name in ours and ours[name].get("type") != told.get("type"):
                raise pack.wrong(f"the field “{name}” of {identity} in it holds something else than that of this town.")
        fields = {**theirs.own_fields(identity), **town.layer.table(identity, "fields")}
        types[identity] = {**types[identity], "fields": fields} if fields else types[identity]
    layer = Layer({identity: types[identity] for identity in sorted(types)})
    if layer != town.layer and town_layer.standing(town.system).draft is not None:
        raise pack.wrong(
            "fields and labels of the other town come with it, and this town has changes to fields and labels "
            "that are not published yet. Publish or discard them first."
        )
    return layer


def take_over(town: Town, actor: Actor, pack: PackReader) -> bool:
    """Publish the layer as it is with what comes in a pack; whether it became another. Raises as ``merged`` does."""
    layer = merged(town, pack)
    if layer == town.layer:
        return False
    head = town_layer.standing(town.system).head
    town_layer.publish(town, actor, layer, follows=head, note=f"With a pack of {pack.contents.town}")
    return True


def _packed(pack: PackReader) -> Layer:
    if not pack.has(LAYER):
        return EMPTY
    try:
        return read_layer(pack.text(LAYER))
    except SchemaErrors as error:
        raise pack.wrong(f"“{LAYER}” in it can't be read: {error.mistakes[0]}") from error
