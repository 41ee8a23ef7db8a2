"""Its import never ends."""


def again() -> None:
    """Go on."""
    again()


again()
