"""The kit for testing a plugin: towns, people, samples and pytest fixtures.

pytest finds the fixtures by itself (:mod:`townhall.testing.fixtures`). What stands in ``__all__`` is promised to
plugins, as is everything in the fixtures.
"""

from __future__ import annotations

from townhall.clock import FixedClock
from townhall.testing.clients import Client
from townhall.testing.clients import StaffClient
from townhall.testing.network import NetworkUsed
from townhall.testing.network import no_network
from townhall.testing.privacy import walk
from townhall.testing.samples import Sampler
from townhall.testing.towns import Template
from townhall.testing.towns import copy_of
from townhall.testing.towns import make_template

__all__ = [
    "Client",
    "FixedClock",
    "NetworkUsed",
    "Sampler",
    "StaffClient",
    "Template",
    "copy_of",
    "make_template",
    "no_network",
    "walk",
]
