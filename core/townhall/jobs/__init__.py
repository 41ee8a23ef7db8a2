"""Jobs: what the town does by itself, again and again, each slot once however many processes serve it.

:mod:`~townhall.jobs.declared` has the list of them, :mod:`~townhall.jobs.claims` the database's part,
:mod:`~townhall.jobs.running` runs one, and :mod:`~townhall.jobs.scheduler` does so when it is time.
"""
