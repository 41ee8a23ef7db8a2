"""Text and what is written as text: text, longtext, email, phone, url, language, country."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from collections.abc import Sequence
from functools import cached_property
from functools import lru_cache
from typing import Any
from typing import ClassVar
from urllib.parse import urlsplit

from email_validator import EmailNotValidError
from email_validator import validate_email

from townhall_forms.codes import COUNTRIES
from townhall_forms.codes import LANGUAGES
from townhall_forms.context import Context
from townhall_forms.errors import Invalid
from townhall_forms.fields.base import TEXT
from townhall_forms.fields.base import Column
from townhall_forms.fields.base import OneColumn
from townhall_forms.patterns import LONGEST_TEXT
from townhall_forms.telephones import read_phone
from townhall_forms.telephones import write_phone
from townhall_forms.text import normalise

#: Most letters that anything may have which is neither a text of its own limit nor made of parts.
LONGEST_LINE = 10_000
#: Left out of all text: controls other than line breaks, lone surrogates, and marks that turn or hide what follows.
_UNWANTED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"
)
_LINE_BREAKS = re.compile("\r\n|[\r\x85\u2028\u2029]")
_SPACES = re.compile(r"[ \t\n\u00a0]+")


def clean_line(text: str) -> str:
    """One line of text: stripped, without control characters, in Unicode's composed form (NFC)."""
    if text.isascii() and text.isprintable():
        return text.strip()
    return _SPACES.sub(" ", clean_lines(text))


def clean_lines(text: str) -> str:
    """Text of several lines, cleaned like :func:`clean_line`; line breaks are ``\\n``."""
    if text.isascii() and text.isprintable():
        return text.strip()
    text = _UNWANTED.sub("", _LINE_BREAKS.sub("\n", text))
    return unicodedata.normalize("NFC", text).strip()


def as_text(raw: Any, message: str) -> str:
    """``raw`` if it is text or a plain number, which files and JSON often hold where text is meant.

    Text that is longer than any line is not read further: what is wrong with millions of letters takes long to tell.
    """
    if isinstance(raw, str) and len(raw) <= LONGEST_LINE:
        return raw
    if isinstance(raw, int) and not isinstance(raw, bool):
        return str(raw)
    raise Invalid(message)


class KeyedText(OneColumn):
    """Text with its normalised form beside it, by which it is compared, sorted and searched."""

    operators: ClassVar[frozenset[str]] = TEXT

    @property
    def key_column(self) -> str:
        """The column of the normalised text."""
        return f"{self.name}_key"

    def columns(self) -> Sequence[Column]:
        """The text as it was written, and its key."""
        return (Column(self.name, "text"), Column(f"{self.name}_key", "text", index=self.unique))

    def to_columns(self, value: Any) -> Mapping[str, Any]:
        """Both columns."""
        if value is None:
            return {self.name: None, f"{self.name}_key": None}
        return {self.name: value, f"{self.name}_key": normalise(value)}

    def cells(self, values: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """Both columns."""
        if type(self).to_columns is not KeyedText.to_columns:
            return super().cells(values)
        return values, [None if value is None else normalise(value) for value in values]

    def json_schema(self) -> dict[str, Any]:
        """A string with the field's limits."""
        schema: dict[str, Any] = {"type": "string"}
        if self.min_length is not None:
            schema["minLength"] = self.min_length
        if self.max_length is not None:
            schema["maxLength"] = self.max_length
        if self.pattern:
            schema["pattern"] = f"^(?:{self.pattern})$"
        return schema


class Text(KeyedText):
    """One line of text."""

    type_name: ClassVar[str] = "text"
    extra_keys: ClassVar[frozenset[str]] = frozenset({"min_length", "max_length", "pattern", "pattern_message", "unit"})
    longest: ClassVar[int] = 200

    @cached_property
    def _limit(self) -> int:
        longest = self.max_length if self.max_length is not None else self.longest
        return min(longest, LONGEST_TEXT) if self.pattern else longest

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        return re.compile(self.pattern) if self.pattern else None

    def parse(self, raw: Any, context: Context) -> str | None:
        """Cleaned text within the field's limits."""
        if raw is None:
            return None
        text = self.clean(raw if isinstance(raw, str) else as_text(raw, "Enter text."))
        if not text:
            return None
        if len(text) > self._limit:
            raise Invalid(f"Use at most {self._limit:,} characters; these are {len(text):,}.")
        if self.min_length is not None and len(text) < self.min_length:
            raise Invalid(f"Use at least {self.min_length:,} characters.")
        if self._pattern is not None and self._pattern.fullmatch(text) is None:
            raise Invalid(self.pattern_message or f"This does not look right. {self.help}".strip())
        return text

    def clean(self, text: str) -> str:
        """Text as it is kept."""
        return clean_line(text)


class LongText(Text):
    """Text of several lines."""

    type_name: ClassVar[str] = "longtext"
    widget: ClassVar[str] = "longtext"
    sortable: ClassVar[bool] = False
    longest: ClassVar[int] = 20_000

    def clean(self, text: str) -> str:
        """Text with its line breaks."""
        return clean_lines(text)


#: The part before the @ as nearly everybody's is, which the full check takes as it stands.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*")
_LONGEST_NAME = 64
_LONGEST_EMAIL = 254


def _email(text: str) -> str:
    """The address as it is kept. Domains come again and again, and checking them is most of the work."""
    name, _, domain = text.rpartition("@")
    if len(name) <= _LONGEST_NAME and domain.isascii() and _PLAIN_NAME.fullmatch(name):
        address = f"{name}@{_checked_email(f'a@{domain}')[2:]}"
        if len(address) <= _LONGEST_EMAIL:
            return address
    return _checked_email(text)


@lru_cache(maxsize=4096)
def _checked_email(text: str) -> str:
    try:
        return validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise Invalid("Enter an e-mail address, like name@example.com.") from error


class Email(KeyedText):
    """An e-mail address. Its domain is kept in small letters; nothing is asked of the network."""

    type_name: ClassVar[str] = "email"
    widget: ClassVar[str] = "email"

    def parse(self, raw: Any, context: Context) -> str | None:
        """The normalised address."""
        if raw is None:
            return None
        text = clean_line(as_text(raw, "Enter an e-mail address, like name@example.com."))
        return _email(text) if text else None

    def json_schema(self) -> dict[str, Any]:
        """A string with the format of e-mail."""
        return {"type": "string", "format": "email"}


class Phone(OneColumn):
    """A telephone number, kept in the international form (E.164), an extension after ``;ext=``."""

    type_name: ClassVar[str] = "phone"
    operators: ClassVar[frozenset[str]] = TEXT
    widget: ClassVar[str] = "phone"

    def parse(self, raw: Any, context: Context) -> str | None:
        """The number in E.164; one without a country code is in the town's country."""
        if raw is None:
            return None
        text = clean_line(as_text(raw, "Enter a phone number, with its area code."))
        return read_phone(text, context.country) if text else None

    def raw(self, value: Any, context: Context) -> str:
        """The number as it is written here."""
        return self.display(value, context)

    def display(self, value: Any, context: Context) -> str:
        """As it is written here: national at home, international for the rest of the world."""
        return "" if value is None else write_phone(value, context.country)

    def search_text(self, value: Any, context: Context) -> str:
        """The digits alone."""
        return "" if value is None else re.sub(r"\D", "", value.partition(";")[0])

    def json_schema(self) -> dict[str, Any]:
        """E.164 with an optional extension."""
        return {"type": "string", "pattern": r"^\+[0-9]{4,15}(;ext=[0-9]+)?$"}


class Url(KeyedText):
    """A web address; only ``http`` and ``https``, since others can run code when somebody clicks."""

    type_name: ClassVar[str] = "url"
    widget: ClassVar[str] = "url"
    _message = "Enter a web address, like https://www.example.com."

    def parse(self, raw: Any, context: Context) -> str | None:
        """The address; ``https://`` is added where it was left out."""
        if raw is None:
            return None
        text = clean_line(as_text(raw, self._message))
        if not text:
            return None
        if "://" not in text and not re.match(r"(?i)(javascript|data|vbscript|mailto|tel|file|blob):", text):
            text = f"https://{text}"
        try:
            parts = urlsplit(text)
            host, _ = parts.hostname, parts.port
        except ValueError as error:
            raise Invalid(self._message) from error
        if parts.scheme.lower() not in ("http", "https") or not host or " " in text or len(text) > 2000:
            raise Invalid(self._message)
        if "." not in host and host != "localhost" and ":" not in host:
            raise Invalid(self._message)
        return text

    def json_schema(self) -> dict[str, Any]:
        """A string with the format of an address."""
        return {"type": "string", "format": "uri", "maxLength": 2000}


class Coded(OneColumn):
    """One code of a published list; ``names`` maps codes to English names."""

    widget: ClassVar[str] = "select"
    names: ClassVar[Mapping[str, str]]
    _known: ClassVar[Mapping[str, str]]
    _message: ClassVar[str]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._known = {normalise(word): code for code, name in cls.names.items() for word in (code, name)}

    def parse(self, raw: Any, context: Context) -> str | None:
        """The code, from itself or its English name."""
        if raw is None:
            return None
        text = normalise(as_text(raw, self._message))
        if not text:
            return None
        code = self._known.get(text)
        if code is None:
            raise Invalid(self._message)
        return code

    def display(self, value: Any, context: Context) -> str:
        """The English name."""
        return "" if value is None else self.names.get(value, value)

    def search_text(self, value: Any, context: Context) -> str:
        """The name and the code."""
        return "" if value is None else f"{self.names.get(value, '')} {value}"

    def json_schema(self) -> dict[str, Any]:
        """One of the codes."""
        return {"type": "string", "enum": list(self.names)}


class Language(Coded):
    """A language, by its ISO 639 code."""

    type_name: ClassVar[str] = "language"
    names: ClassVar[Mapping[str, str]] = LANGUAGES
    _message: ClassVar[str] = "Choose a language, or enter its two-letter code, like en."

    def parse(self, raw: Any, context: Context) -> str | None:
        """The code; what follows it (``en-US``) is not kept."""
        if isinstance(raw, str) and re.fullmatch(r"\s*[A-Za-z]{2}[-_][A-Za-z]{2,4}\s*", raw):
            raw = raw.strip()[:2]
        return super().parse(raw, context)


class Country(Coded):
    """A country, by its ISO 3166 code."""

    type_name: ClassVar[str] = "country"
    names: ClassVar[Mapping[str, str]] = COUNTRIES
    _message: ClassVar[str] = "Choose a country, or enter its two-letter code, like US."
