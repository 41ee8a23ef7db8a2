"""Giving out what people uploaded, and what is made to be saved: a browser never takes any of it for a page of ours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flask import Response
from flask import send_file

if TYPE_CHECKING:
    from townhall_forms.context import StoredFile

#: Types that a browser may show by itself; all others are saved. None of them can run anything or load anything.
SHOWN = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf", "text/plain"})
#: Nothing in the file runs, loads or sends anything, and it belongs to no site, whatever it turns out to be.
POLICY = "default-src 'none'; sandbox"


def stored_file(stored: StoredFile, content: Path, *, show: bool) -> Response:
    """An uploaded file. It is saved, or with ``show`` opened where that is harmless; no browser or cache keeps it."""
    response = send_file(
        content,
        mimetype=stored.media_type,
        as_attachment=not show or stored.media_type not in SHOWN,
        download_name=stored.filename,
        max_age=0,
    )
    return guarded(response)


def guarded(response: Response) -> Response:
    """Let nothing that is in an answer run, and let nobody keep it."""
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Cache-Control"] = "private, no-store"
    return response
