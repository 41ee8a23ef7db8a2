"""The second factor: six digits from an app on a phone (TOTP, RFC 6238), and recovery codes for when it is lost.

The key that app and town share is made from the town's secret and a random number beside the account. So neither the
database nor a backup of it holds a key. If the town's secret is replaced, everybody sets up their app again.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import Any

import segno
from passlib.exc import TokenError
from passlib.totp import TOTP

from townhall.access.actors import Actor
from townhall.accounts import log
from townhall.accounts import sessions
from townhall.accounts.managing import is_own
from townhall.accounts.managing import require_own_or_manager
from townhall.db.transactions import immediate
from townhall.errors import ValidationFailed
from townhall.records.instants import from_microseconds
from townhall.records.instants import to_microseconds

if TYPE_CHECKING:
    from townhall.accounts.people import Person
    from townhall.town import Town

#: A code counts in its own half minute and in the ones before and after, since clocks differ.
WINDOW = timedelta(seconds=30)
RECOVERY_CODES = 10
#: Letters and digits that nobody takes for one another.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"

WRONG = "That code is wrong or has run out. Type the newest one."

#: What is said of somebody of whom a second factor is asked that they don't have.
SETS_UP = "They need a code app, which they set up at the next sign-in."


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """Somebody's second factor: since when, and how many recovery codes are left."""

    since: datetime
    codes_left: int


def new_nonce() -> str:
    """A random number for a key that is about to be set up. By itself it opens nothing."""
    return secrets.token_hex(20)


def of(town: Town, user_id: int) -> SecondFactor | None:
    """Somebody's second factor, if they have one."""
    factor: Any = town.system.second_factor
    code = town.system.recovery_code
    since = factor.select(factor.confirmed_at).where(factor.user_id == user_id).scalar()
    if since is None:
        return None
    return SecondFactor(from_microseconds(since), code.select().where(code.user_id == user_id).count())


def holders(town: Town) -> frozenset[int]:
    """The ids of all who have a second factor."""
    table: Any = town.system.second_factor
    return frozenset(id for (id,) in table.select(table.user_id).tuples())


def is_required(town: Town, person: Person) -> bool:
    """Whether the town asks this person for a second factor (setting ``second_factor``)."""
    wanted = town.settings.second_factor
    return "all" in wanted or not set(wanted).isdisjoint(person.roles)


def is_missing(town: Town, person: Person) -> bool:
    """Whether the town asks this person for a second factor that they haven't set up."""
    return is_required(town, person) and of(town, person.id) is None


def key_text(town: Town, user_id: int, nonce: str) -> str:
    """The key for typing into an app, in groups of four letters."""
    return str(_totp(town, user_id, nonce).pretty_key(sep=" "))


def picture(town: Town, user_id: int, email: str, nonce: str) -> str:
    """The key as a QR code, an SVG picture that is drawn here."""
    issuer = f"{town.settings.name} {town.settings.subtitle}".replace(":", " ").strip()
    address = _totp(town, user_id, nonce).to_uri(label=email.replace(":", " "), issuer=issuer)
    drawn = segno.make(address, error="m", micro=False)
    return str(drawn.svg_inline(omitsize=True, dark="black", light="white", title="QR code for your code app"))


def set_up(town: Town, actor: Actor, user_id: int, nonce: str, code: str) -> list[str]:
    """Begin to ask somebody for codes, once their app has shown a right one; their recovery codes, to be shown once.

    Raises :class:`~townhall.errors.ValidationFailed` for a wrong code.
    """
    step = _step(town, user_id, nonce, code)
    if step is None:
        raise ValidationFailed({"code": "That is not the code of this key. Scan it, then type the six digits you see."})
    table = town.system.second_factor
    row = {"nonce": nonce, "confirmed_at": to_microseconds(town.clock.now()), "last_step": step}
    with immediate(town.database):
        table.delete().where(table.user_id == user_id).execute()
        table.insert(user_id=user_id, **row).execute()
        log.write(town, actor, "second_factor_set_up", user_id)
        return _new_codes(town, user_id)


def accept(town: Town, user_id: int, code: str) -> bool:
    """Whether ``code`` is right now and was not used before; the same one is never taken again."""
    table: Any = town.system.second_factor
    row = table.select(table.nonce, table.last_step).where(table.user_id == user_id).tuples().first()
    if row is None:
        return False
    step = _step(town, user_id, row[0], code, row[1])
    if step is None:
        return False
    # Of two who send the same code at once, one changes the row.
    taken = table.update(last_step=step).where((table.user_id == user_id) & (table.last_step < step)).execute()
    return bool(taken)


def accept_recovery_code(town: Town, user_id: int, code: str) -> bool:
    """Whether ``code`` is one of somebody's recovery codes; it is gone afterwards."""
    table: Any = town.system.recovery_code
    mine = (table.user_id == user_id) & (table.digest == _digest(town, user_id, code))
    return bool(table.delete().where(mine).execute())


def are_current(town: Town, user_id: int, codes: list[str]) -> bool:
    """Whether all these are recovery codes of somebody that work now."""
    table: Any = town.system.recovery_code
    digests = {_digest(town, user_id, code) for code in codes}
    found = table.select().where((table.user_id == user_id) & (table.digest.in_(list(digests)))).count()
    return bool(codes) and found == len(digests)


def renew_codes(town: Town, actor: Actor, user_id: int) -> list[str]:
    """New recovery codes instead of all old ones, to be shown once."""
    with immediate(town.database):
        log.write(town, actor, "recovery_codes_renewed", user_id)
        return _new_codes(town, user_id)


def remove(town: Town, actor: Actor, user_id: int) -> bool:
    """Ask somebody for no code any more; whether they had been asked. Another's needs the permission to manage people.

    Who takes away another's also ends all that person's sessions.
    """
    require_own_or_manager(actor, user_id)
    own = is_own(actor, user_id)
    table: Any = town.system.second_factor
    codes: Any = town.system.recovery_code
    with immediate(town.database):
        gone = table.delete().where(table.user_id == user_id).execute()
        codes.delete().where(codes.user_id == user_id).execute()
        if gone and not own:
            sessions.drop(town, user_id)
        if gone:
            log.write(town, actor, "second_factor_off" if own else "second_factor_reset", user_id)
    return bool(gone)


def mark(town: Town, user_id: int, uniquifier: str) -> str:
    """What a trusted computer's cookie holds of an account: another one once the password or the app is another."""
    table: Any = town.system.second_factor
    nonce = table.select(table.nonce).where(table.user_id == user_id).scalar()
    text = f"trusted computer\n{user_id}\n{uniquifier}\n{nonce}"
    return hmac.new(town.secret, text.encode(), hashlib.sha256).hexdigest()


def _totp(town: Town, user_id: int, nonce: str) -> Any:
    key = hmac.new(town.secret, f"second factor\n{user_id}\n{nonce}".encode(), hashlib.sha256).digest()[:20]
    return TOTP(key=key, format="raw")


def _step(town: Town, user_id: int, nonce: str, code: str, last: int | None = None) -> int | None:
    """The period of which ``code`` is the right one, after the period ``last``."""
    now = int(town.clock.now().timestamp())
    try:
        match = _totp(town, user_id, nonce).match(
            code.strip()[:20], time=now, window=int(WINDOW.total_seconds()), last_counter=last
        )
    except TokenError:
        return None
    return int(match.counter)


def _new_codes(town: Town, user_id: int) -> list[str]:
    table = town.system.recovery_code
    letters = ["".join(secrets.choice(_ALPHABET) for _ in range(12)) for _ in range(RECOVERY_CODES)]
    codes = ["-".join((each[:4], each[4:8], each[8:])) for each in letters]
    table.delete().where(table.user_id == user_id).execute()
    table.insert_many([{"user_id": user_id, "digest": _digest(town, user_id, each)} for each in codes]).execute()
    return codes


def _digest(town: Town, user_id: int, code: str) -> str:
    plain = "".join(letter for letter in code.lower() if letter.isascii() and letter.isalnum())
    return hmac.new(town.secret, f"recovery code\n{user_id}\n{plain}".encode(), hashlib.sha256).hexdigest()
