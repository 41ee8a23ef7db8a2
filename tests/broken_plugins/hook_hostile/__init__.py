"""An object in it fails when it is only looked at."""


class Hostile:
    """Nobody may look at this."""

    def __getattribute__(self, name: str) -> object:
        raise SystemExit(name)


hostile = Hostile()
