"""What will go away, and when: all of it in this file, so that it is easy to see and to keep.

Something that plugins may use is first deprecated: it goes on working and warns, with the class of the release that
removes it, for at least one minor release. The class is removed with the last thing that warns with it.

To find out early, run a plugin's tests with these warnings as errors::

    [tool.pytest.ini_options]
    filterwarnings = ["error::townhall.deprecations.TownhallDeprecation"]
"""

from __future__ import annotations


class TownhallDeprecation(DeprecationWarning):
    """Base of all: something of the plugin API will go away."""


class RemovedInTownhall2(TownhallDeprecation):
    """It will be gone in Townhall 2.0."""
