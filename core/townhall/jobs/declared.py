"""Every job of a town: core's own, in one list, and those that the manifests of running plugins declare.

A job is a plain function that takes the town and returns one sentence on what it did, or nothing. It is called outside
of any transaction. It may be called twice for the same slot and may be killed in the middle, so what it does again must
do no harm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from townhall.accounts import tidying
from townhall.cases import digest
from townhall.cases import escalating
from townhall.cases import recomputing
from townhall.extend.hooks import Implementation
from townhall.extend.jobs import sentence_of
from townhall.jobs import cleaning
from townhall.jobs import telling
from townhall.lifecycle import kept_backups
from townhall.mail import sending
from townhall.records import erasing
from townhall.records import sealing
from townhall.schedules import Schedule
from townhall.schedules import daily
from townhall.schedules import every
from townhall.schedules import weekly

if TYPE_CHECKING:
    from townhall.town import Town

CORE = "core"


@dataclass(frozen=True, slots=True)
class Job:
    """One job. ``name`` tells it from all others: ``core.clean_drafts``, ``complaints.close_quiet_requests``."""

    name: str
    label: str
    schedule: Schedule
    run: Callable[[Town], str]
    help: str = ""

    @property
    def plugin(self) -> str:
        """The plugin that brings it, or ``core``."""
        return self.name.partition(".")[0]


#: Core's own jobs, in the order in which they are listed.
CORE_JOBS: tuple[Job, ...] = (
    Job(
        "core.deliver_messages",
        "Send messages",
        every(1),
        sending.run,
        "Links to “Your requests” that people asked for, and what waits in the outbox, by the mail server of the "
        "settings; what fails is tried again later and later.",
    ),
    Job(
        "core.warn_of_deadlines",
        "Warn of deadlines",
        every(5),
        escalating.run,
        "Whoever has a case, and who leads its queue, once each and in working hours.",
    ),
    Job(
        "core.write_digests",
        "Write the weekly digests",
        weekly("Monday", "06:30"),
        digest.run,
        "What is open, overdue, waiting and new, for everybody who has cases.",
    ),
    Job(
        "core.mail_colleagues",
        "Tell colleagues by mail",
        every(5),
        telling.run,
        "Notices that they have not seen and the weekly digest, if the town has a mail server.",
    ),
    Job(
        "core.count_clocks_anew",
        "Count clocks anew",
        every(1),
        recomputing.run,
        "After a working calendar or a target has changed, for all open cases.",
    ),
    Job(
        "core.seal_history",
        "Seal history",
        every(1),
        sealing.run,
        "Chains the entries that are new to those before them, so that later changes can be found.",
    ),
    Job(
        "core.erase_old_values",
        "Erase old values from history",
        daily("03:30"),
        erasing.run,
        "Those older than the setting keep_values_years says; who did what when stays.",
    ),
    Job(
        "core.tidy_accounts",
        "Tidy up accounts",
        daily("03:40"),
        tidying.run,
        "Sessions, links and pauses that are over, and what is older in the log than account_log_days says.",
    ),
    Job(
        "core.clean_drafts",
        "Delete expired drafts",
        every(60),
        cleaning.drafts,
        "Public forms that nobody sent in time, with all that was typed into them.",
    ),
    Job(
        "core.back_up",
        "Make a backup",
        daily("01:30"),
        kept_backups.run,
        "The whole town but for its keys, in one file; how many are kept, and where, the settings in [backup] say.",
    ),
    Job(
        "core.clean_uploads",
        "Delete uploads that nobody used",
        daily("03:10"),
        cleaning.uploads,
        "Files that were chosen in a form that was never sent, or taken off a record.",
    ),
    Job(
        "core.clean_limits",
        "Forget who tried what how often",
        every(60),
        cleaning.limits,
        "Counts of tries from the day before, by which forms and sign-ins are limited.",
    ),
    Job(
        "core.clean_messages",
        "Delete old words from the outbox",
        daily("03:50"),
        cleaning.messages,
        "Words and addresses of messages that went out longer ago than keep_days says; that they went out stays.",
    ),
    Job(
        "core.keep_statistics",
        "Let the database know its sizes",
        daily("04:00"),
        cleaning.statistics,
        "How many rows there are of what, by which SQLite chooses the way to find them; PostgreSQL does it by itself.",
    ),
    Job(
        "core.clean_runs",
        "Shorten the log of jobs",
        daily("03:20"),
        cleaning.runs,
        "Each job keeps its last 200 runs, and none for longer than 90 days.",
    ),
)


def jobs(town: Town) -> dict[str, Job]:
    """The jobs of a town as it runs now, by name: core's first, then those of each running plugin."""
    found = {job.name: job for job in CORE_JOBS}
    for plugin, functions in town.plugins.jobs.items():
        manifest = town.plugins.running[plugin].manifest
        specs = manifest.jobs.values() if manifest is not None else ()
        for spec, function in zip(specs, functions, strict=True):
            name = f"{plugin}.{spec.name}"
            found[name] = Job(name, spec.label, spec.schedule, partial(_of_plugin, function), spec.help)
    return found


def _of_plugin(function: Implementation, town: Town) -> str:
    """Run a plugin's job under guard, in the town that is given: its code is the same as long as the process lives."""
    return town.plugins.guard.work(function, sentence_of, {"town": town})
