"""Forms that are being filled in: kept on the server under a secret key, until they are sent or expire.

The key is 128 random bits and only its digest is stored. A draft lives for an hour after the last step, and for the
town's ``draft_days`` once its writer asks to save it. A sent draft stays for a day, so that sending twice shows the
same receipt; the status link on that receipt is sealed with the key, which the town does not have.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import Any

from townhall.db.transactions import immediate
from townhall.records import encrypting

if TYPE_CHECKING:
    from townhall.town import Town

#: How long a draft that nobody asked to save is kept after its last change, and a sent one after sending.
UNSAVED = timedelta(hours=1)
SENT = timedelta(days=1)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: What a draft keeps as JSON.
_KEPT = ("chosen", "values", "typed", "contact", "done", "saved", "record", "version")


@dataclass(slots=True)
class Draft:
    """A form on its way.

    ``values`` are the answers that were accepted, as JSON, by field; ``typed`` are the pairs of a submitted page that
    could not be accepted yet, by step, so that nothing that was typed is lost. ``chosen`` are links that the address of
    the form has fixed; ``record`` and ``version`` name the record that is being changed, if it is no new one.
    """

    identity: str
    form: str
    chosen: dict[str, int] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    typed: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    contact: dict[str, str] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    saved: bool = False
    record: int = 0
    version: int = 0
    #: What became of it; 0 while it is not sent.
    sent: int = 0
    receipt: dict[str, str] = field(default_factory=dict)
    expires: datetime | None = None

    def to_json(self) -> str:
        """Everything that the table has no column for."""
        return json.dumps({name: getattr(self, name) for name in _KEPT}, separators=(",", ":"), sort_keys=True)


def start(town: Town, draft: Draft) -> str:
    """Keep a new draft. Returns its key, which nothing else can tell."""
    key = secrets.token_urlsafe(16)
    now = town.clock.now()
    draft.expires = _expiry(town, draft, now)
    table = town.system.draft
    with immediate(town.database):
        table.insert(
            token_hash=_digest(key),
            identity=draft.identity,
            form=draft.form,
            data=_kept(town, draft),
            created_at=_stamp(now),
            updated_at=_stamp(now),
            expires_at=_stamp(draft.expires),
        ).execute()
    return key


def load(town: Town, key: str) -> Draft | None:
    """The draft under ``key``; ``None`` if there is none or it has expired."""
    table = town.system.draft
    row = table.select().where(table.token_hash == _digest(key)).dicts().first() if key else None
    if row is None or row["expires_at"] < _stamp(town.clock.now()):
        return None
    return _from_row(row, key, town.vault.open_all(row["data"]))


def keep(town: Town, key: str, draft: Draft) -> None:
    """Store a changed draft; one that was sent meanwhile stays as it is."""
    now = town.clock.now()
    draft.expires = _expiry(town, draft, now)
    table = town.system.draft
    with immediate(town.database):
        table.update(data=_kept(town, draft), updated_at=_stamp(now), expires_at=_stamp(draft.expires)).where(
            (table.token_hash == _digest(key)) & table.record_id.is_null()
        ).execute()


def remove_expired(town: Town) -> int:
    """Delete drafts whose time is over, with all that was typed into them; how many there were."""
    table = town.system.draft
    return int(table.delete().where(table.expires_at < _stamp(town.clock.now())).execute())


@contextmanager
def sending(town: Town, key: str) -> Iterator[Draft | None]:
    """The draft, held so that nobody else can send it, inside the transaction in which its record is made.

    A second sender waits here and then finds it :attr:`Draft.sent`.
    """
    table = town.system.draft
    with immediate(town.database):
        # The write comes first: it takes the row on PostgreSQL too, before anything is read.
        table.update(updated_at=_stamp(town.clock.now())).where(table.token_hash == _digest(key)).execute()
        yield load(town, key)


def mark_sent(town: Town, key: str, record_id: int, receipt: Mapping[str, str]) -> None:
    """Remember what the draft became, forget what was in it, and seal the receipt with its key."""
    table = town.system.draft
    now = town.clock.now()
    table.update(
        data="{}",
        record_id=record_id,
        sealed=_seal(json.dumps(dict(receipt)).encode(), key).hex(),
        updated_at=_stamp(now),
        expires_at=_stamp(now + SENT),
    ).where(table.token_hash == _digest(key)).execute()


def discard(town: Town, key: str) -> None:
    """Delete a draft and all that was typed into it."""
    table = town.system.draft
    with immediate(town.database):
        table.delete().where(table.token_hash == _digest(key)).execute()


def _kept(town: Town, draft: Draft) -> str:
    """What the table keeps of a draft: encrypted if something that is asked in it is."""
    record_type = town.schemas.get(draft.identity)
    text = draft.to_json()
    return town.vault.seal(text) if record_type is not None and encrypting.encrypted(town, record_type) else text


def _from_row(row: Mapping[str, Any], key: str, data: str) -> Draft:
    kept = json.loads(data)
    draft = Draft(row["identity"], row["form"], **{name: kept[name] for name in _KEPT if name in kept})
    draft.typed = {step: [(name, text) for name, text in pairs] for step, pairs in draft.typed.items()}
    draft.sent = row["record_id"] or 0
    if row["sealed"]:
        draft.receipt = json.loads(_seal(bytes.fromhex(row["sealed"]), key))
    draft.expires = EPOCH + timedelta(microseconds=row["expires_at"])
    return draft


def _seal(data: bytes, key: str) -> bytes:
    """Bytes mixed with a stream that only the key can make; doing it again undoes it. A key seals one text only."""
    blocks = (
        hmac.new(key.encode(), b"receipt" + number.to_bytes(4, "big"), hashlib.sha256).digest()
        for number in range(len(data) // 32 + 1)
    )
    return bytes(one ^ other for one, other in zip(data, b"".join(blocks), strict=False))


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _expiry(town: Town, draft: Draft, now: datetime) -> datetime:
    return now + (timedelta(days=town.settings.draft_days) if draft.saved else UNSAVED)


def _stamp(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)
