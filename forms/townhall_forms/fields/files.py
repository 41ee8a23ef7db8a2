"""Attachments: file, files. Their bytes and rows are kept by the town; a field only says what it takes."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from functools import cached_property
from typing import TYPE_CHECKING
from typing import Any
from typing import ClassVar

from townhall_forms.context import Context
from townhall_forms.context import StoredFile
from townhall_forms.errors import Invalid
from townhall_forms.fields.base import Column
from townhall_forms.fields.base import Field

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

#: What a group in ``accept`` stands for.
FILE_GROUPS: Mapping[str, tuple[str, ...]] = {
    "image": ("jpg", "jpeg", "png", "gif", "webp", "heic", "heif"),
    "document": ("pdf", "doc", "docx", "odt", "rtf", "txt", "xls", "xlsx", "ods", "csv"),
}
_MEGABYTE = 1024 * 1024


@dataclass(slots=True)
class FileInput:
    """What a form holds for a field of files: kept ones (or their tokens), and why others were refused."""

    kept: list[StoredFile | str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def files(self) -> list[StoredFile]:
        """The kept files that are known."""
        return [file for file in self.kept if isinstance(file, StoredFile)]


class Attached(Field):
    """What ``file`` and ``files`` share."""

    extra_keys: ClassVar[frozenset[str]] = frozenset({"accept", "max_size"})
    operators: ClassVar[frozenset[str]] = frozenset({"empty"})
    widget: ClassVar[str] = "files"
    outside: ClassVar[bool] = True
    sortable: ClassVar[bool] = False
    many: ClassVar[bool] = False

    @cached_property
    def extensions(self) -> tuple[str, ...]:
        """Accepted file name extensions; empty if any is."""
        found: dict[str, None] = {}
        for entry in self.accept:
            found.update(dict.fromkeys(FILE_GROUPS.get(entry.lower(), (entry.lower().lstrip("."),))))
        return tuple(found)

    @property
    def largest(self) -> int:
        """Largest size of one file, in bytes."""
        return (self.max_size or 10) * _MEGABYTE

    @property
    def most(self) -> int:
        """How many files it may hold."""
        return 1

    def columns(self) -> Sequence[Column]:
        """None: attachments have a table of their own."""
        return ()

    def to_columns(self, value: Any) -> Mapping[str, Any]:
        """None."""
        return {}

    def from_columns(self, row: Mapping[str, Any]) -> Any:
        """Read from their own table."""
        return None

    def extract(
        self, data: MultiDict[str, str], files: MultiDict[str, Any], prefix: str, context: Context
    ) -> FileInput:
        """Keep new uploads at once, so that they survive a mistake elsewhere in the form."""
        removed = set(data.getlist(f"{prefix}-remove"))
        found = FileInput([token for token in data.getlist(f"{prefix}-kept") if token and token not in removed])
        for upload in files.getlist(prefix):
            if not upload.filename:
                continue
            try:
                stored = context.stage(upload, accept=self.extensions, max_size=self.largest)
            except Invalid as error:
                found.problems.append(error.message)
                continue
            if self.many:
                found.kept.append(stored)
            else:
                found.kept = [stored]
        return found

    def read(self, raw: Any, context: Context) -> tuple[StoredFile, ...]:
        """The files, from themselves, their tokens, or JSON with tokens."""
        entries: Sequence[Any]
        if isinstance(raw, FileInput):
            if raw.problems:
                raise Invalid(" ".join(raw.problems))
            entries = raw.kept
        elif isinstance(raw, list | tuple):
            entries = raw
        else:
            entries = () if raw is None or raw == "" else (raw,)
        if isinstance(raw, str) and ";" in raw:
            entries = [entry.strip() for entry in raw.split(";") if entry.strip()]
        tokens = [entry.get("token", "") if isinstance(entry, Mapping) else entry for entry in entries]
        unknown = [token for token in tokens if not isinstance(token, StoredFile)]
        known = all(isinstance(token, str) for token in unknown)
        stored = context.stored(unknown) if unknown and known else {}
        if any(not isinstance(token, str) or token not in stored for token in unknown):
            raise Invalid("A file is no longer here. Choose it again.")
        return tuple(token if isinstance(token, StoredFile) else stored[token] for token in tokens)

    def search_text(self, value: Any, context: Context) -> str:
        """File names are not searched."""
        return ""

    @staticmethod
    def describe(file: StoredFile) -> dict[str, Any]:
        """One file as JSON."""
        return {
            "token": file.token,
            "filename": file.filename,
            "media_type": file.media_type,
            "size": file.size,
        }

    def file_schema(self) -> dict[str, Any]:
        """JSON Schema of one file."""
        return {
            "type": "object",
            "properties": {
                "token": {"type": "string"},
                "filename": {"type": "string"},
                "media_type": {"type": "string"},
                "size": {"type": "integer", "minimum": 0},
            },
            "required": ["token"],
        }


class FileField(Attached):
    """One attachment. A new one takes the old one's place."""

    type_name: ClassVar[str] = "file"

    def parse(self, raw: Any, context: Context) -> StoredFile | None:
        """The file."""
        files = self.read(raw, context)
        if len(files) > 1:
            raise Invalid("Choose one file.")
        return files[0] if files else None

    def raw(self, value: Any, context: Context) -> FileInput:
        """The kept file."""
        return FileInput([value] if value is not None else [])

    def display(self, value: Any, context: Context) -> str:
        """Its name."""
        return "" if value is None else str(value.filename)

    def to_csv(self, value: Any, context: Context) -> str:
        """Its token: bytes have no place in a CSV."""
        return "" if value is None else str(value.token)

    def to_json(self, value: Any) -> dict[str, Any] | None:
        """Token, name, media type and size."""
        return None if value is None else self.describe(value)

    def json_schema(self) -> dict[str, Any]:
        """One file."""
        return self.file_schema()


class FilesField(Attached):
    """Several attachments; ``min`` and ``max`` (10 by default) limit how many."""

    type_name: ClassVar[str] = "files"
    extra_keys: ClassVar[frozenset[str]] = frozenset({"accept", "max_size", "min", "max"})
    many: ClassVar[bool] = True

    @property
    def most(self) -> int:
        """How many files it may hold."""
        return 10 if self.max is None else int(self.max)

    def parse(self, raw: Any, context: Context) -> tuple[StoredFile, ...] | None:
        """The files."""
        files = self.read(raw, context)
        if not files:
            return None
        if len(files) > self.most:
            raise Invalid(f"Choose at most {self.most} files; remove {len(files) - self.most}.")
        if self.min is not None and len(files) < self.min:
            raise Invalid(f"Choose at least {self.min} files.")
        return files

    def raw(self, value: Any, context: Context) -> FileInput:
        """The kept files."""
        return FileInput(list(value or ()))

    def display(self, value: Any, context: Context) -> str:
        """Their names."""
        return ", ".join(file.filename for file in value or ())

    def to_csv(self, value: Any, context: Context) -> str:
        """Their tokens."""
        return "; ".join(file.token for file in value or ())

    def to_json(self, value: Any) -> list[dict[str, Any]]:
        """A list of files."""
        return [self.describe(file) for file in value or ()]

    def json_schema(self) -> dict[str, Any]:
        """A list of files."""
        return {"type": "array", "items": self.file_schema()}
