"""The demo town: Millbrook, made up by us, the same at every start but for the days, which are around today.

Everything in it is written through :mod:`townhall.records`. Core makes the people, what was said and the calendar;
each plugin adds its own cases through the ``demo_records`` hook.
"""

from townhall.demo.building import Demo

__all__ = ["Demo"]
