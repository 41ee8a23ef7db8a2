"""Managers' figures: how many cases came in, how long they took, what happened to them; each with its records.

A figure counts the records of a *slice* (:class:`~townhall.records.figures.slices.Slice`): those that a *measure*
(:data:`~townhall.records.figures.measures.MEASURES`) picks in a period, perhaps only those of one group. The same slice
is a filter of the type's list, so what is counted and what is shown are one statement's condition, and the reader's
permission is the same predicate as everywhere.

What is said about time comes from the log of moves (``case_transition``) and from the clocks of cases (``case_clock``).
"""

from townhall.records.figures.counting import Flow
from townhall.records.figures.counting import backlog
from townhall.records.figures.counting import count
from townhall.records.figures.counting import count_each
from townhall.records.figures.counting import counted
from townhall.records.figures.counting import counted_each
from townhall.records.figures.counting import flow
from townhall.records.figures.counting import volume
from townhall.records.figures.durations import PERCENTILES
from townhall.records.figures.durations import Kept
from townhall.records.figures.durations import Times
from townhall.records.figures.durations import clocks
from townhall.records.figures.grouping import Grouping
from townhall.records.figures.grouping import groupings
from townhall.records.figures.grouping import label_of
from townhall.records.figures.grouping import labels
from townhall.records.figures.grouping import main_category
from townhall.records.figures.handing import handed_on
from townhall.records.figures.measures import MEASURES
from townhall.records.figures.measures import Measure
from townhall.records.figures.moving import Moves
from townhall.records.figures.slices import Period
from townhall.records.figures.slices import Slice
from townhall.records.figures.staying import stays
from townhall.records.figures.words import AGES
from townhall.records.figures.words import DORMANT_DAYS
from townhall.records.figures.words import HANDED
from townhall.records.figures.words import KINDS

__all__ = [
    "AGES",
    "DORMANT_DAYS",
    "HANDED",
    "KINDS",
    "MEASURES",
    "PERCENTILES",
    "Flow",
    "Grouping",
    "Kept",
    "Measure",
    "Moves",
    "Period",
    "Slice",
    "Times",
    "backlog",
    "clocks",
    "count",
    "count_each",
    "counted",
    "counted_each",
    "flow",
    "groupings",
    "handed_on",
    "label_of",
    "labels",
    "main_category",
    "stays",
    "volume",
]
