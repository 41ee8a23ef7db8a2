"""The page of jobs: what the town does by itself, how it went, and doing it now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash
from flask import redirect
from flask import request
from flask.typing import ResponseReturnValue
from flask_admin import expose

from townhall.admin import urls
from townhall.admin.staff import StaffView
from townhall.errors import NotFound
from townhall.jobs import claims
from townhall.jobs import overview
from townhall.jobs.overview import JobLine

if TYPE_CHECKING:
    from townhall.admin.desk import Desk

PERMISSION = "jobs.manage"


class JobsView(StaffView):
    """All jobs, and a page for the runs of each."""

    permission = PERMISSION

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, name="Jobs", endpoint="admin_jobs", url=urls.JOBS.rstrip("/"))

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """Every job, with its last run and its next."""
        found = overview.lines(self.town)
        return self.render(
            "admin/jobs.html",
            jobs=found,
            failing=[line for line in found if line.failing],
            forgotten=overview.is_forgotten(self.town),
            looked_at=overview.looked_at(self.town),
            safe_mode=self.town.safe_mode,
        )

    @expose("/<job>/")
    def runs(self, job: str) -> ResponseReturnValue:
        """One job and its last runs."""
        return self.render("admin/job.html", line=self._line(job), runs=overview.runs(self.town, job))

    @expose("/<job>/run", methods=("POST",))
    def run(self, job: str) -> ResponseReturnValue:
        """Ask for a run now; the process that does the jobs takes it in a moment."""
        line = self._line(job)
        if not claims.ask(self.town, self.actor, job):
            flash(f"“{line.job.label}” was asked for already. It begins in a moment.", "soon")
        elif overview.is_forgotten(self.town):
            flash(f"“{line.job.label}” begins as soon as something does the jobs; at the moment nothing does.", "soon")
        else:
            flash(f"“{line.job.label}” begins in a few seconds. Look again to see how it went.", "ok")
        return self._back(job)

    @expose("/<job>/pause", methods=("POST",))
    def pause(self, job: str) -> ResponseReturnValue:
        """Leave a job alone."""
        line = self._line(job)
        claims.pause(self.town, self.actor, job)
        flash(f"“{line.job.label}” is paused until somebody resumes it.", "ok")
        return self._back(job)

    @expose("/<job>/resume", methods=("POST",))
    def resume(self, job: str) -> ResponseReturnValue:
        """Go on with a job."""
        line = self._line(job)
        claims.resume(self.town, job)
        flash(f"“{line.job.label}” runs again, from its next turn on.", "ok")
        return self._back(job)

    def _line(self, name: str) -> JobLine:
        line = overview.line(self.town, name)
        if line is None:
            raise NotFound("There is no such job.")
        return line

    def _back(self, name: str) -> ResponseReturnValue:
        return redirect(urls.job_url(name) if request.form.get("back") == "job" else urls.JOBS)
