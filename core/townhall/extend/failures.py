"""What went wrong in plugins: written down for whoever looks after the town, and never in anybody's way.

A failure is noted where it is contained, often in the middle of a transaction that is about to be undone. So it waits
in memory and is written when the request, the command or the start is over: in a transaction of its own, at the first
attempt that finds the database free. The same failure again is one row, counted up, and a plugin keeps its last
:data:`KEPT`.

What a record holds has no place here. Of what a plugin's code says while it works with records, only those words are
kept that stand in its code; what stands in quotes, addresses and long numbers are left out. Traces have lines of code
and no values.
"""

from __future__ import annotations

import linecache
import logging
import re
import traceback
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from hashlib import sha256
from threading import Lock
from typing import Any
from typing import Literal
from typing import get_args

import peewee

from townhall.clock import Clock
from townhall.db.system import SystemTables
from townhall.db.transactions import impatient
from townhall.errors import PluginError
from townhall.errors import ServiceFailed

log = logging.getLogger("townhall.plugins")

#: On which step of a plugin's life something failed.
Stage = Literal[
    "manifest",
    "requires",
    "settings",
    "import",
    "hooks",
    "schemas",
    "tables",
    "migration",
    "call",
    "field",
    "slow",
    "view",
    "template",
    "static",
    "job",
    "seeds",
]
STAGES: tuple[Stage, ...] = get_args(Stage)
#: The steps of a start: what failed there once is no trouble any more when the plugin runs.
STARTING: frozenset[Stage] = frozenset({"manifest", "requires", "settings", "import", "hooks", "schemas", "tables"})
#: Steps on which no record is touched, so that everything that was said may be kept.
_WITHOUT_RECORDS: frozenset[Stage] = STARTING | {"migration", "template", "static", "seeds", "slow"}

#: Failures that are kept of each plugin, and that wait in memory at most.
KEPT = 50
WAITING = 200
#: How long a failure counts as recent.
RECENT = timedelta(days=1)
#: Seconds before a failure that was written already is written again.
_PAUSE = 5.0
_LONGEST_MESSAGE = 400
_LONGEST_TRACE = 12_000
_MOST_FRAMES = 40

#: Errors about code, whose messages name functions and arguments rather than what a record holds.
_ABOUT_CODE = (
    ArithmeticError,
    AttributeError,
    ImportError,
    NameError,
    NotImplementedError,
    RecursionError,
    SyntaxError,
    TypeError,
    peewee.DatabaseError,
)
_WORD = re.compile(r"\w+")
_VALUES = re.compile(r"""'[^']*'|"[^"]*"|“[^”]*”|\([^()]*\)=\([^()]*\)|[^\s@'"]+@[^\s@'"]+|\d{3,}""")


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure of a plugin: when first and last, how often, and what it said."""

    plugin: str
    stage: Stage
    what: str
    message: str
    trace: str
    first: datetime
    last: datetime
    count: int = 1

    @property
    def digest(self) -> str:
        """What tells it from others."""
        return sha256("\0".join((self.plugin, self.stage, self.what, self.message)).encode()).hexdigest()


class FailureLog:
    """The failures of one town's plugins. Safe to use from several threads."""

    def __init__(self, system: SystemTables, clock: Clock) -> None:
        self._system = system
        self._database = system.database
        self._now = clock.now
        self._monotonic = clock.monotonic
        self._lock = Lock()
        self._waiting: dict[str, Failure] = {}
        #: Failures that were written before, by digest, and when.
        self._written: dict[str, float] = {}

    def note(self, plugin: str, stage: Stage, what: str, error: BaseException | str) -> None:
        """Keep that something failed: in which plugin, on which step, what (a hook, a file), and why.

        ``error`` is what was raised, or a sentence. It is only remembered here; :meth:`flush` writes it. Never raises.
        """
        try:
            message, trace = told(stage, error)
            now = self._now()
            failure = Failure(plugin, stage, what, message, trace, now, now)
            with self._lock:
                known = self._waiting.get(failure.digest)
                if known is not None:
                    failure = replace(failure, first=known.first, count=known.count + 1)
                elif len(self._waiting) >= WAITING:
                    return
                self._waiting[failure.digest] = failure
        except Exception:
            log.exception("A failure of the plugin %s could not be noted", plugin)

    def flush(self, *, force: bool = True) -> None:
        """Write what waits, if no transaction is open and the database is free. Never raises, and waits only shortly.

        Without ``force``, failures that were written a moment ago go on waiting, so that one that happens on every page
        costs no page a transaction.
        """
        if not self._waiting or self._database.transaction_depth():
            return
        taken = self._take(force)
        if not taken:
            return
        try:
            with impatient(self._database):
                for failure in taken.values():
                    self._write(failure)
                for plugin in {failure.plugin for failure in taken.values()}:
                    self._prune(plugin)
        except Exception:
            log.warning("Failures of plugins could not be written; they wait for a better moment", exc_info=True)
            with self._lock:
                for digest, failure in taken.items():
                    self._written.pop(digest, None)
                    newer = self._waiting.get(digest)
                    if newer is not None:
                        failure = replace(newer, first=failure.first, count=failure.count + newer.count)
                    self._waiting[digest] = failure

    def of(self, plugin: str) -> list[Failure]:
        """The failures of a plugin, the newest first."""
        self.flush()
        return self._read(self._table.plugin == plugin)

    def recent(self) -> dict[str, list[Failure]]:
        """Failures of the last day by plugin, the newest first."""
        self.flush()
        since = _microseconds(self._now() - RECENT)
        found: dict[str, list[Failure]] = {}
        for failure in self._read(self._table.last_at >= since):
            found.setdefault(failure.plugin, []).append(failure)
        return found

    def forget(self, plugin: str) -> int:
        """Delete the failures of a plugin; how many there were."""
        with self._lock:
            for digest in [digest for digest, failure in self._waiting.items() if failure.plugin == plugin]:
                del self._waiting[digest]
            self._written.clear()
        return int(self._table.delete().where(self._table.plugin == plugin).execute())

    # -- how --------------------------------------------------------------------------------------------------

    @property
    def _table(self) -> Any:
        return self._system.plugin_failure

    def _take(self, force: bool) -> dict[str, Failure]:
        now = self._monotonic()
        with self._lock:
            taken = {
                digest: failure
                for digest, failure in self._waiting.items()
                if force or now - self._written.get(digest, now - _PAUSE) >= _PAUSE
            }
            for digest in taken:
                del self._waiting[digest]
                self._written[digest] = now
            if len(self._written) > WAITING:
                self._written = dict.fromkeys(taken, now)
        return taken

    def _write(self, failure: Failure) -> None:
        table = self._table
        row = {
            table.plugin: failure.plugin,
            table.stage: failure.stage,
            table.what: failure.what,
            table.message: failure.message,
            table.trace: failure.trace,
            table.digest: failure.digest,
            table.count: failure.count,
            table.first_at: _microseconds(failure.first),
            table.last_at: _microseconds(failure.last),
        }
        again = {
            table.count: table.count + failure.count,
            table.last_at: _microseconds(failure.last),
            table.trace: failure.trace,
        }
        table.insert(row).on_conflict(conflict_target=[table.digest], update=again).execute()

    def _prune(self, plugin: str) -> None:
        table = self._table
        rows = table.select(table.id).where(table.plugin == plugin).order_by(table.last_at.desc(), table.id.desc())
        old = [id for (id,) in rows.offset(KEPT).limit(WAITING).tuples()]
        if old:
            table.delete().where(table.id.in_(old)).execute()

    def _read(self, where: Any) -> list[Failure]:
        table = self._table
        columns = (table.plugin, table.stage, table.what, table.message, table.trace)
        times = (table.first_at, table.last_at, table.count)
        rows = table.select(*columns, *times).where(where).order_by(table.last_at.desc(), table.id.desc()).tuples()
        return [
            Failure(plugin, stage, what, message, trace, _instant(first), _instant(last), count)
            for plugin, stage, what, message, trace, first, last, count in rows
        ]


def told(stage: Stage, error: BaseException | str) -> tuple[str, str]:
    """Message and trace of an error, without what records hold."""
    if isinstance(error, str):
        return _short(error), ""
    chain = list(_chain(error))
    message = _words(stage, chain[0])
    traces = []
    for each in reversed(chain):
        lines = traceback.format_tb(each.__traceback__, limit=-_MOST_FRAMES)
        if lines:
            traces.append("".join(lines) + _words(stage, each))
    return message, "\n\n".join(traces)[-_LONGEST_TRACE:]


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what it came from, at most a few."""
    seen: BaseException | None = error
    for _ in range(4):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)


def _words(stage: Stage, error: BaseException) -> str:
    text = str(error)
    if isinstance(error, PluginError | ServiceFailed):
        return _short(text)
    first = text.splitlines()[0] if text.strip() else ""
    if stage not in _WITHOUT_RECORDS:
        first = _without_values(error, first)
    name = type(error).__name__
    return _short(f"{name}: {first}" if first else name)


def _without_values(error: BaseException, said: str) -> str:
    """What an error said, without what may come from a record."""
    if isinstance(error, OSError):
        return error.strerror or ""
    said = _VALUES.sub("…", said)
    if isinstance(error, _ABOUT_CODE):
        return said
    written = _source_of(error)
    kept = _WORD.sub(lambda word: word[0] if word[0] in written else "…", said)
    return re.sub(r"…(?:[\W_]*…)+", "…", kept)


def _source_of(error: BaseException) -> frozenset[str]:
    """The words of the code that raised an error."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    if frame is None:
        return frozenset()
    return frozenset(_WORD.findall("".join(linecache.getlines(frame.tb_frame.f_code.co_filename))))


def _short(text: str) -> str:
    clean = text.encode("utf-8", "replace").decode().replace("\0", "").strip()
    return clean if len(clean) <= _LONGEST_MESSAGE else clean[:_LONGEST_MESSAGE] + " …"


def _microseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000)


def _instant(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC)


def without_starts(failures: Mapping[str, list[Failure]], running: Mapping[str, object]) -> dict[str, list[Failure]]:
    """Failures by plugin, without those of a start that has worked since."""
    kept = {
        plugin: [failure for failure in noted if failure.stage not in STARTING or plugin not in running]
        for plugin, noted in failures.items()
    }
    return {plugin: noted for plugin, noted in kept.items() if noted}
