"""What must never stand in the log, on both engines."""

from __future__ import annotations

import logging

import peewee
import pytest

from townhall.logs import LogLines
from townhall.town import Town


def test_the_log_says_nothing_of_what_a_refused_row_holds(town: Town) -> None:
    """PostgreSQL tells the values of a row that it refuses; a log has them neither in the error nor in its cause."""
    user = {"email": "hush@town.example", "fs_uniquifier": "hush-hush", "name": "Hush"}
    town.system.user.insert(user).execute()
    with pytest.raises(peewee.IntegrityError) as caught, town.database.atomic():
        town.system.user.insert(user).execute()
    assert ("DETAIL" in str(caught.value)) == (town.database.engine == "postgresql")
    error = (caught.type, caught.value, caught.tb)
    said = LogLines("%(message)s").format(logging.LogRecord("townhall", logging.ERROR, "", 0, "m", (), error))
    assert ("IntegrityError" in said, "hush" in said.lower()) == (True, False)
