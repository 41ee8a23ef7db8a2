"""How often somebody may do something: counts per bucket, subject and window of time.

Subjects (a visitor's address, an e-mail) are kept only as keyed digests, and a job deletes windows that are over.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from datetime import timedelta
from typing import TYPE_CHECKING

from townhall.db.transactions import immediate

if TYPE_CHECKING:
    from townhall.town import Town


_WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+")
#: The longest window that anything is counted in.
LONGEST = timedelta(days=1)


def allow(town: Town, bucket: str, subject: str, *, limit: int, per: timedelta) -> bool:
    """Count one try of ``subject``, and say whether it is within ``limit`` tries in the present window of ``per``."""
    return count(town, bucket, subject, per=per) <= limit


def count(town: Town, bucket: str, subject: str, *, per: timedelta) -> int:
    """Count one try; which one in the present window it is. Of two at the same moment each gets a number of its own."""
    table = town.system.rate_limit
    window = _window(town, per)
    counted = (
        table.insert(bucket=bucket, subject=_digest(town, bucket, subject), window_start=window, hits=1)
        .on_conflict(
            conflict_target=[table.bucket, table.subject, table.window_start], update={table.hits: table.hits + 1}
        )
        .returning(table.hits)
    )
    with immediate(town.database):  # what is given back is read before it is committed
        ((number,),) = counted.tuples().execute()
    return int(number)


def forget_old(town: Town) -> int:
    """Delete the counts of windows that are over; how many there were."""
    table = town.system.rate_limit
    return int(table.delete().where(table.window_start <= _now(town) - _microseconds(LONGEST)).execute())


def hits(town: Town, bucket: str, subject: str, *, per: timedelta) -> int:
    """How many tries were counted in the present window."""
    table = town.system.rate_limit
    query = table.select(table.hits).where(
        (table.bucket == bucket)
        & (table.subject == _digest(town, bucket, subject))
        & (table.window_start == _window(town, per))
    )
    return int(query.scalar() or 0)


def forget(town: Town, bucket: str, subject: str) -> None:
    """Forget all tries of ``subject``, for example after a success."""
    table = town.system.rate_limit
    table.delete().where((table.bucket == bucket) & (table.subject == _digest(town, bucket, subject))).execute()


def minutes_left(town: Town, per: timedelta) -> int:
    """Minutes until the present window is over, at least one."""
    left = _window(town, per) + _microseconds(per) - _now(town)
    return max(1, -(-left // 60_000_000))


def visitor(address: str | None) -> str:
    """The subject that stands for a visitor's address; the computers of one IPv6 household count as one.

    A port behind the address, which some proxies write and every visitor can choose, doesn't count.
    """
    text = (address or "").strip()
    if with_port := _WITH_PORT.fullmatch(text):
        text = with_port[1] or with_port[2]
    try:
        parsed = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return text[:100] or "unknown"
    if parsed.version == 6 and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    if parsed.version == 6:
        return str(ipaddress.ip_network((parsed, 64), strict=False).network_address)
    return str(parsed)


def _digest(town: Town, bucket: str, subject: str) -> str:
    return hmac.new(town.secret, f"{bucket}\n{subject}".encode(), hashlib.sha256).hexdigest()


def _now(town: Town) -> int:
    return int(town.clock.now().timestamp() * 1_000_000)


def _microseconds(span: timedelta) -> int:
    return span // timedelta(microseconds=1)


def _window(town: Town, per: timedelta) -> int:
    return _now(town) // _microseconds(per) * _microseconds(per)
