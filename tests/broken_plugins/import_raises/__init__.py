"""Its import fails."""

raise RuntimeError("no connection to the licence server")
