"""Files that the town keeps: staged when they are uploaded, claimed by the record that they are sent with.

The bytes stand once in ``instance/files`` under their SHA-256, whoever sent them and however often. A staged file is
named by a secret token; when no record claims it in time, :meth:`FileStore.remove_orphans` takes it away.
"""

from __future__ import annotations

import logging
import re
import secrets
import shutil
import time
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from pathlib import PurePath
from typing import TYPE_CHECKING
from typing import BinaryIO

import peewee

from townhall import private
from townhall.access.actors import Actor
from townhall.records import contents
from townhall.records import file_types
from townhall.records.instants import to_microseconds
from townhall.records.secret_links import digest
from townhall_forms.context import StoredFile
from townhall_forms.context import Upload
from townhall_forms.errors import Invalid

if TYPE_CHECKING:
    from townhall.town import Town

log = logging.getLogger("townhall")

_BLOCK = 64 * 1024
_MEGABYTE = 1024 * 1024
_LONGEST_NAME = 150
#: Bytes that uploads leave free on the disk, since a database without room keeps nothing at all.
ROOM_FOR_RECORDS = 500 * _MEGABYTE
#: Names that Windows takes for devices, and letters that it takes in no name.
DEVICES = re.compile(r"(CON|PRN|AUX|NUL|COM[0-9¹²³]|LPT[0-9¹²³])(\..*)?", re.IGNORECASE)
_NOT_IN_NAMES = str.maketrans(dict.fromkeys('<>:"|?*', "_"))
#: How long a file that was taken off a record is kept, in case that was a mistake.
_KEEP_REMOVED = timedelta(days=30)
#: Seconds after which bytes that no row names were not just written.
_GRACE = 3600
#: Who has staged a file that came from no member of staff.
_PUBLIC = "public"


class FileStore:
    """The files of one town."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._folder = town.instance / "files"

    def path(self, checksum: str) -> Path:
        """Where the bytes with this SHA-256 stand."""
        return self._folder / checksum[:2] / checksum

    def open(self, stored: StoredFile) -> BinaryIO:
        """The file's bytes, for reading."""
        return self.path(stored.checksum).open("rb")

    def stage(self, actor: Actor, upload: Upload, *, accept: Sequence[str] = (), max_size: int = 0) -> StoredFile:
        """Keep an upload until a record claims it. ``max_size`` is in bytes; the town's own limit holds in any case.

        Raises :class:`townhall_forms.errors.Invalid` with a sentence when the file is too large, empty, or not what it
        claims to be.
        """
        filename = clean_name(upload.filename or "")
        kind = self._promised(filename, accept)
        largest = self._town.settings.max_upload_mb * _MEGABYTE
        limit = min(max_size or largest, largest)
        try:
            checksum, size = self._take_in(upload, filename, kind, limit)
        except OSError as error:
            log.exception("An upload could not be kept in %s", self._folder)
            raise Invalid(f"“{filename}” could not be kept: our storage refuses it. Try again later.") from error
        token = secrets.token_urlsafe(16)
        now = self._town.clock.now()
        waits = timedelta(days=max(self._town.settings.draft_days, 1) + 1)
        id = (
            self._town.system.attachment.insert(
                token_hash=digest(token),
                checksum=checksum,
                filename=filename,
                media_type=kind.media_type,
                size=size,
                staged_at=to_microseconds(now),
                expires_at=to_microseconds(now + waits),
                staged_by=_owner(actor),
            ).execute()
        )  # fmt: skip
        return StoredFile(int(id), token, filename, kind.media_type, size, checksum)

    def stored(self, actor: Actor, tokens: Iterable[str]) -> Mapping[str, StoredFile]:
        """Staged files by token. Tokens that are unknown, out of date, claimed or another person's are left out."""
        hashes = {digest(token): token for token in tokens}
        table = self._town.system.attachment
        rows = (
            table.select(table.token_hash, table.id, table.filename, table.media_type, table.size, table.checksum)
            .where(
                table.token_hash.in_(list(hashes)),
                table.record_id.is_null(),
                table.expires_at > to_microseconds(self._town.clock.now()),
                table.staged_by == _owner(actor),
            )
            .tuples()
        )
        return {
            hashes[row[0]]: StoredFile(row[1], hashes[row[0]], row[2], row[3], row[4], row[5])
            for row in (rows if hashes else ())
        }

    def sent(self, identity: str, record_id: int) -> dict[str, int]:
        """How many of a record's files the public sent, by field."""
        table = self._town.system.attachment
        mine = (table.identity == identity) & (table.record_id == record_id) & (table.staged_by == _PUBLIC)
        query = table.select(table.field, peewee.fn.COUNT(table.id)).where(mine).group_by(table.field)
        return dict(query.tuples())

    def claim(self, identity: str, record_id: int, field: str, files: Sequence[StoredFile]) -> None:
        """Make ``files``, in this order, the files of a record's field. Runs in the record's own transaction.

        Files that the field had before and that are not among them are taken off. Raises
        :class:`townhall_forms.errors.Invalid` when a file is gone or belongs elsewhere.
        """
        table = self._town.system.attachment
        mine = (table.identity == identity) & (table.record_id == record_id) & (table.field == field)
        removed = to_microseconds(self._town.clock.now() + _KEEP_REMOVED)
        gone = mine & table.id.not_in([file.id for file in files]) if files else mine
        table.update(record_id=None, identity=None, expires_at=removed).where(gone).execute()
        for position, file in enumerate(files):
            free = table.record_id.is_null() & table.expires_at.is_null(False)
            changed = (
                table.update(identity=identity, record_id=record_id, field=field, position=position, expires_at=None)
                .where((table.id == file.id) & (mine | free))
                .execute()
            )
            if not changed:
                raise Invalid(f"The file “{file.filename}” is no longer there. Choose it again.")

    def copies(self, files: Sequence[StoredFile]) -> tuple[StoredFile, ...]:
        """The same files once more, for a record to claim in this transaction; the others stay where they are."""
        now = to_microseconds(self._town.clock.now())
        made = []
        for file in files:
            token = secrets.token_urlsafe(16)
            id = self._town.system.attachment.insert(
                token_hash=digest(token),
                checksum=file.checksum,
                filename=file.filename,
                media_type=file.media_type,
                size=file.size,
                staged_at=now,
                expires_at=now,
            ).execute()
            made.append(StoredFile(int(id), f"kept-{id}", file.filename, file.media_type, file.size, file.checksum))
        return tuple(made)

    def remove_orphans(self) -> int:
        """Delete staged files that nobody claimed in time, and bytes that no file uses; how many files."""
        table = self._town.system.attachment
        now = to_microseconds(self._town.clock.now())
        overdue = table.record_id.is_null() & (table.expires_at <= now)
        checksums = {row[0] for row in table.select(table.checksum).where(overdue).tuples()}
        removed = int(table.delete().where(overdue).execute())
        for checksum in checksums:
            self._forget_if_unused(checksum)
        return removed

    def _promised(self, filename: str, accept: Sequence[str]) -> file_types.FileType:
        """The type that the name promises, if it may come in."""
        allowed = file_types.accepted(accept)
        kind = file_types.known_type(filename)
        if kind is None or kind not in allowed:
            raise Invalid(f"“{filename}” can't be taken: choose a {file_types.in_words(allowed)} file.")
        return kind

    def _take_in(self, upload: Upload, filename: str, kind: file_types.FileType, limit: int) -> tuple[str, int]:
        """Write the upload block by block to its place: its checksum and its size."""
        private.make_folder(self._folder)
        self._refuse_without_room(filename, limit)
        temporary = self._folder / f".{secrets.token_hex(8)}.part"
        checksum = sha256()
        head = b""
        size = 0
        try:
            with temporary.open("xb") as target:
                while block := upload.read(_BLOCK):
                    size += len(block)
                    if size > limit:
                        raise Invalid(f"“{filename}” is too large: at most {limit / _MEGABYTE:.3g} MB.")
                    if len(head) < file_types.HEAD:
                        head = (head + block)[: file_types.HEAD]
                    checksum.update(block)
                    target.write(block)
            if not size:
                raise Invalid(f"“{filename}” is empty.")
            if not kind.matches(head):
                raise Invalid(f"“{filename}” is no readable {kind.name} file. Save it again as {kind.name} and retry.")
            try:
                if contents.settle(kind, temporary):
                    kept = temporary.read_bytes()
                    checksum, size = sha256(kept), len(kept)
            except contents.Unfit as reason:
                raise Invalid(f"“{filename}” {reason}") from reason
            place = self.path(checksum.hexdigest())
            private.make_folder(place.parent)
            private.put(temporary, place)
        finally:
            temporary.unlink(missing_ok=True)
        return checksum.hexdigest(), size

    def _refuse_without_room(self, filename: str, limit: int) -> None:
        """Leave room on the disk for the town's records, and keep to what the settings give to files."""
        room = shutil.disk_usage(self._folder).free - limit >= ROOM_FOR_RECORDS
        most = self._town.settings.max_storage_gb * 1024 * _MEGABYTE
        if room and most:
            table = self._town.system.attachment
            room = int(table.select(peewee.fn.SUM(table.size)).scalar() or 0) < most
        if not room:
            log.error("An upload was refused: there is no room for it in %s", self._folder)
            raise Invalid(f"“{filename}” could not be kept: our storage is full. Call us, or try again tomorrow.")

    def _forget_if_unused(self, checksum: str) -> None:
        """Delete bytes that no row names, unless somebody may just be staging the same bytes again."""
        table = self._town.system.attachment
        place = self.path(checksum)
        if not place.exists() or time.time() - place.stat().st_mtime < _GRACE:
            return
        if not table.select().where(table.checksum == checksum).exists():
            private.remove(place)


def clean_name(filename: str) -> str:
    """A file name without folders, control characters and what turns its letters round, fit for every system."""
    name = PurePath(filename.replace("\\", "/")).name
    name = "".join(mark for mark in name if mark.isprintable()).strip(" .")
    name = name.translate(_NOT_IN_NAMES)
    if DEVICES.fullmatch(name):
        name = f"_{name}"
    if len(name) > _LONGEST_NAME:
        suffix = PurePath(name).suffix[:20]
        name = name[: _LONGEST_NAME - len(suffix)] + suffix
    return name or "file"


def _owner(actor: Actor) -> str:
    """Who may use a staged file: one member of staff, or whoever has its token."""
    return f"staff:{actor.id}" if actor.kind == "staff" else _PUBLIC
