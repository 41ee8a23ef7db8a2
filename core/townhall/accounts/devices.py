"""What a browser says of itself, in words that people use: "Firefox on Windows"."""

from __future__ import annotations

#: What stands in the header, and what it is; the first that is found counts, since browsers name their forebears too.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "an iPhone"),
    ("iPad", "an iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "a Chromebook"),
    ("Macintosh", "a Mac"),
    ("Linux", "Linux"),
)


def in_words(agent: str) -> str:
    """What the ``User-Agent`` header tells of browser and system; only a hint, since anybody can send any header."""
    browser = next((words for mark, words in _BROWSERS if mark in agent), "A browser")
    system = next((words for mark, words in _SYSTEMS if mark in agent), "")
    if browser == "A browser" and not system:
        return "An unknown device"
    return f"{browser} on {system}" if system else browser
