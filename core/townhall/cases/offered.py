"""The kinds of case that a town has, as choices: what a field is to offer that no schema file can know."""

from __future__ import annotations

from dataclasses import replace

from townhall_forms.schema import Choice
from townhall_forms.schema import RecordType
from townhall_forms.schema import Schemas

#: Fields of core's own types that offer every type that is a case.
CASE_TYPE_FIELDS = (("core.queue", "default_for"), ("core.route", "case_type"), ("core.target", "case_type"))


def with_case_types(schemas: Schemas) -> Schemas:
    """The same types; those fields that ask for a kind of case offer the ones that there are."""
    cases = (record_type for record_type in schemas.values() if record_type.is_case)
    kinds = sorted(cases, key=lambda record_type: (record_type.label, record_type.plugin))
    doubled = {type_.label for type_ in kinds if sum(type_.label == other.label for other in kinds) > 1}
    choices = tuple(Choice(type_.identity, _label(type_, doubled)) for type_ in kinds)
    changed = dict(schemas)
    for identity, name in CASE_TYPE_FIELDS:
        record_type = changed.get(identity)
        if record_type is None or not choices:
            continue
        fields = {**record_type.fields, name: replace(record_type.fields[name], choices=choices)}
        changed[identity] = replace(record_type, fields=fields)
    return Schemas(changed)


def _label(record_type: RecordType, doubled: set[str]) -> str:
    """What a kind is called; with its module's name where two have the same."""
    if record_type.label not in doubled:
        return record_type.label
    return f"{record_type.label} ({record_type.plugin.replace('_', ' ')})"
