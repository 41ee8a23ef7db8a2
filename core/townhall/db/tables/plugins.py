"""What the town keeps of its plugins, of the layer that it puts over their types, and of types as they were."""

from __future__ import annotations

from peewee import BigAutoField
from peewee import BigIntegerField
from peewee import BlobField
from peewee import BooleanField
from peewee import CharField
from peewee import IntegerField
from peewee import Model
from peewee import TextField


class PluginState(Model):
    """What the town decided about a plugin, why it is off when it is, and what is kept of it.

    ``schemas`` holds the texts of its schema files and ``essentials`` what else is needed to read its records, both as
    JSON, as they were when it last ran.
    """

    name = CharField(max_length=80, primary_key=True)
    enabled = BooleanField(default=False)
    version = TextField(default="")
    reason = TextField(default="")
    schemas = TextField(default="")
    essentials = TextField(default="{}")
    settings = TextField(default="{}")
    changed_at = BigIntegerField(default=0)
    changed_by = TextField(default="")
    #: Types of record about which its code decides, as a JSON list; empty until it ran once.
    decides = TextField(default="")


class PluginFailure(Model):
    """What went wrong in a plugin's own code or files: the same failure is one row, counted up."""

    id = BigAutoField()
    plugin = CharField(max_length=80, index=True)
    stage = CharField(max_length=20)
    what = TextField(default="")
    message = TextField(default="")
    trace = TextField(default="")
    digest = CharField(max_length=64, unique=True)
    count = IntegerField(default=1)
    first_at = BigIntegerField()
    last_at = BigIntegerField()


class TownLayer(Model):
    """The town's own layer, in TOML: a row for each thing that somebody did to it. Nothing here is ever changed.

    The last row is how it stands; ``version`` counts those that were published. ``follows`` is the row that its writer
    had seen, and can be followed once only, so that of two people who change the layer at once one is told.
    """

    id = BigAutoField()
    follows = BigIntegerField(unique=True)
    version = IntegerField(null=True)
    text = TextField()
    note = TextField(default="")
    by_id = BigIntegerField(null=True)
    by_name = TextField()
    at = BigIntegerField()


class SchemaVersion(Model):
    """The ledger of changes to tables: what was applied, for which plugin, and when.

    An addition has no ``name``; a migration has that of its file, and ``effects`` says as JSON what it renamed. History
    entries up to ``history_id`` were written under the names before.
    """

    id = BigAutoField()
    plugin = CharField(max_length=80, index=True)
    version = TextField(default="")
    description = TextField()
    checksum = CharField(max_length=64)
    applied_at = BigIntegerField()
    name = CharField(max_length=200, default="")
    effects = TextField(default="")
    history_id = BigIntegerField(default=0)


class UploadedModule(Model):
    """A module that was uploaded, as a zip file that was checked; while it ``waits`` it is not used yet."""

    checksum = CharField(max_length=64, primary_key=True)
    name = CharField(max_length=80, index=True)
    version = TextField()
    content = BlobField()
    waits = BooleanField(default=True)
    at = BigIntegerField()
    by = TextField(default="")
