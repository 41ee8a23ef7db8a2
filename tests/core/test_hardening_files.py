"""Files that mean harm: disguised, much larger inside than outside, telling where somebody lives, or too many.

The files are made here byte by byte; each test is about one that must not come in, or must not come out as it came in.
"""

from __future__ import annotations

import io
import json
import shutil
import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from desk import make_ticket
from desk import make_topic

from townhall.access.actors import ANONYMOUS
from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.accounts import people
from townhall.app import create_app
from townhall.cases.holidays import read_icalendar
from townhall.cases.polygons import BadOutlines
from townhall.cases.polygons import read_features
from townhall.errors import PluginError
from townhall.errors import Rejected
from townhall.lifecycle import uploading
from townhall.records import file_types
from townhall.records import files
from townhall.records import pictures as read_pictures
from townhall.testing import pictures
from townhall.testing.pictures import HeicItem
from townhall.town import Town
from townhall_forms.errors import FormsError
from townhall_forms.errors import Invalid
from townhall_forms.layer import read_layer
from townhall_forms.reading import read_json
from townhall_forms.reading import read_toml

#: Exif with the camera's picture turned by a quarter, and a place: the tag of its GPS part.
TIFF = struct.pack(">2sHIHHHIHHHHIII", b"MM", 42, 8, 2, 0x0112, 3, 1, 6, 0, 0x8825, 4, 1, 38, 0) + b"51.5007N 0.1246W"
EXIF = b"Exif\0\0" + TIFF
PLACE = b"51.5007N"
XMP = b"<x:xmpmeta>51.5007N</x:xmpmeta>"


@pytest.fixture
def engine() -> str:
    """SQLite alone: files are not in the database."""
    return "sqlite"


class Sent(io.BytesIO):
    """An upload, as a browser sends it."""

    def __init__(self, filename: str, content: bytes) -> None:
        super().__init__(content)
        self.filename: str | None = filename


def zipped(parts: dict[str, bytes], *, pack: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", pack) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def word(**parts: bytes) -> bytes:
    """A small Word document with more parts in it."""
    return zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<x/>", **parts})


def typed(types: bytes, **parts: bytes) -> bytes:
    """A Word document with this list of types."""
    return zipped({"[Content_Types].xml": types, "word/document.xml": b"<x/>", "word/any.bin": b"x", **parts})


def writer(**parts: bytes) -> bytes:
    """A small OpenDocument text with more parts in it."""
    kind = {"mimetype": b"application/vnd.oasis.opendocument.text", "content.xml": b"<x/>"}
    return zipped({**kind, **parts}, pack=zipfile.ZIP_STORED)


def lying() -> bytes:
    """A Word document whose list of contents names one part over and over (D. Fifield's bomb)."""
    parts = {"[Content_Types].xml": b"<Types/>", "word/a.xml": b"x" * 5000}
    data = zipped(parts, pack=zipfile.ZIP_STORED)
    end = data.rindex(b"PK\x05\x06")
    size, start = struct.unpack_from("<II", data, end + 12)
    entries = data[start : start + size] * 400
    count = struct.unpack_from("<H", data, end + 10)[0] * 400
    tail = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, count, count, len(entries), start, 0)
    return data[:start] + entries + tail


#: How archives, old Office documents, texts, pictures, programs of the Macintosh, scripts and printouts begin.
BEFORE_A_PDF = [
    b"Rar!\x1a\7\0", b"7z\xbc\xaf\x27\x1c", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"{\\rtf1 ", b"\xff\xd8\xff\xe0",
    b"\xcf\xfa\xed\xfe", b"@echo off\r\ncalc.exe\r\n", b"import os\n", b"alert(1)//", b"%!PS-Adobe-3.0\n", b"\0",
    zipped({"a": b"a"}, pack=zipfile.ZIP_STORED), b"\r\n" + zipped({"a": b"a"}), b" " * 1024,
]  # fmt: skip
HARMFUL = [
    ("page.html", b"<!doctype html><script>alert(1)</script>", "can't be taken"),
    ("picture.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "can't be taken"),
    ("run.txt.exe", b"MZ\x90", "can't be taken"),
    ("page.png", b"<!doctype html><script>alert(1)</script>", "no readable PNG"),
    ("page.gif", b"GIF89a/*<svg onload=alert(1)>*/=1;alert(1)", "no readable GIF"),
    ("page.jpg", b"\xff\xd8\xff\xe0<script>alert(1)</script>", "no readable JPEG"),
    ("archive.pdf", b"PK\x03\x04 %PDF-1.7 a page and an archive in one", "no readable PDF"),
    ("page.pdf", b" \r\n<html>%PDF-1.7<script>alert(1)</script>", "no readable PDF"),
    ("program.pdf", b"MZ\x90 %PDF-1.7", "no readable PDF"),
    ("huge.png", pictures.png(60_000, 60_000), "60,000 by 60,000 points"),
    ("long.png", pictures.png(40_000, 1), "more than browsers can show"),
    ("huge.jpg", pictures.jpeg(65_000, 65_000), "more than browsers can show"),
    ("huge.gif", pictures.gif(65_000, 65_000), "more than browsers can show"),
    (
        "frame.gif",
        pictures.gif(65_000, 65_000).replace(struct.pack("<HH", 65_000, 65_000), b"\2\0\2\0", 1),
        "more than",
    ),
    ("huge.webp", pictures.webp(16_000, 16_000), "more than browsers can show"),
    ("huge.heic", pictures.heic(50_000, 50_000), "more than browsers can show"),
    ("nothing.png", pictures.png(0, 0), "no readable PNG"),
    ("bomb.docx", word(**{"word/media/a.bin": bytes(60 * 1024 * 1024)}), "far more than its size"),
    ("many.docx", word(**{f"word/{number}": b"" for number in range(10_001)}), "far more than its size"),
    ("lying.docx", lying(), "far more than its size"),
    ("way.docx", word(**{"../../etc/cron.d/x": b"x"}), "lead out of it"),
    ("root.docx", word(**{"/etc/cron.d/x": b"x"}), "lead out of it"),
    ("colon.docx", word(**{"word/C:x": b"x"}), "lead out of it"),
    ("drive.docx", word(**{"C:\\x": b"x"}), "lead out of it"),
    ("macro.docx", word(**{"word/vbaProject.bin": b"x"}), "has macros"),
    (
        "renamed.docx",
        typed(b'<Default Extension="bin" ContentType="application/vnd.ms-office.vbaProject"/>'),
        "has macros",
    ),
    ("wide.docx", typed("<x ContentType='application/vnd.ms-office.vbaProject'/>".encode("utf-16")), "has macros"),
    ("numbers.docx", typed(b"<x ContentType='application/vnd.ms-office.&#118;baProject'/>"), "has macros"),
    ("enabled.docx", typed(b"<x ContentType='application/vnd.ms-word.document.macroEnabled.main+xml'/>"), "has macros"),
    ("endless.docx", typed(b" " * (5 * 1024 * 1024)), "no readable Word"),
    ("inside.docx", word(**{"word/embeddings/Table.XLSM": b"x"}), "has macros"),
    ("old.xlsx", zipped({"[Content_Types].xml": b"", "xl/macrosheets/sheet1.xml": b"x"}), "has macros"),
    ("basic.odt", writer(**{"Basic/Standard/Module1.xml": b"x"}), "has macros"),
    ("script.odt", writer(**{"Scripts/python/x.py": b"import os"}), "has macros"),
    (
        "program.docx",
        zipped({"[Content_Types].xml": b"", "META-INF/MANIFEST.MF": b"x", "X.class": b"x"}),
        "no readable Word",
    ),
    ("table.docx", zipped({"[Content_Types].xml": b"", "xl/workbook.xml": b"x"}), "no readable Word"),
    ("cut.docx", word()[:-30], "no readable Word"),
    ("java.docx", word(**{"META-INF/MANIFEST.MF": b"Main-Class: X", "X.class": b"\xca\xfe\xba\xbe"}), "has programs"),
    ("list.docx", word(**{"META-INF/MANIFEST.MF": b"Class-Path: https://evil.example/x.jar"}), "has programs"),
    ("evil.odt", writer(**{"Pictures/Evil.EXE": b"MZ"}), "has programs"),
    ("page.docx", word() + b"<html><script>alert(1)</script>", "no readable Word"),
    ("zeros.docx", word() + b"<html>" + bytes(22), "no readable Word"),
    ("two.docx", word() + word(), "no readable Word"),
    ("words.docx", word()[:-2] + b"\x06\0<html>", "no readable Word"),
    *((f"{number}.pdf", before + b"%PDF-1.7", "no readable PDF") for number, before in enumerate(BEFORE_A_PDF)),
    ("late.pdf", b"//x\n<html><script>%PDF-1.7", "no readable PDF"),
    ("behind.pdf", b"\n" * 80 + b"PK\x03\x04 %PDF-1.7", "no readable PDF"),
    ("program.txt", b"MZ\x90\x03\x01 program", "no readable text"),
    ("late.csv", b"a,b\n" * 2000 + b"\0\x01MZ", "no readable CSV"),
]


def test_harmful_files_are_refused_in_a_sentence(town: Town, clerk: Actor) -> None:
    """Pages and programs in disguise, two kinds in one, bombs and macros: nothing of them stays anywhere."""
    for name, content, said in HARMFUL:
        with pytest.raises(Invalid, match=said) as refused:
            town.files.stage(clerk, Sent(name, content))
        assert str(refused.value).startswith(f"“{name}”")
    assert town.system.attachment.select().count() == 0
    assert [path for path in (town.instance / "files").rglob("*") if path.is_file()] == []


def test_what_programs_write_by_themselves_is_taken(town: Town, clerk: Actor) -> None:
    """A mark of the byte order and blank lines before a PDF, and lines behind its end, make it nothing else."""
    for content in (b"%PDF-1.7", b"\xef\xbb\xbf\r\n\r\n%PDF-1.4\n%%EOF\r\n\r\n"):
        assert town.files.stage(clerk, Sent("a.pdf", content)).media_type == "application/pdf"
    for name, content in (("a.docx", word()), ("a.odt", writer(**{"META-INF/manifest.xml": b"<x/>"}))):
        assert town.files.stage(clerk, Sent(name, content)).size == len(content)


def test_every_picture_cut_short_anywhere_is_refused_or_read(town: Town) -> None:
    """Bytes that end in the middle of a part, and bytes that were changed, raise nothing but what is caught."""
    samples = {
        "image/png": pictures.png(chunks=pictures.png_chunk(b"eXIf", TIFF)),
        "image/jpeg": pictures.jpeg(segments=pictures.jpeg_segment(0xE1, EXIF)),
        "image/gif": pictures.gif(),
        "image/webp": pictures.webp(chunks=pictures.riff_chunk(b"EXIF", TIFF)),
        "image/heic": pictures.heic(exif=EXIF),
    }
    assert samples.keys() == read_pictures.READERS.keys()
    assert samples.keys() == {kind.media_type for kind in file_types.FILE_TYPES if kind.group == "image"}
    for media_type, data in samples.items():
        for end in range(len(data)):
            for broken in (data[:end], data[:end] + bytes((data[end] ^ 0xFF,)) + data[end + 1 :]):
                try:
                    read_pictures.read(media_type, broken)
                except read_pictures.NoPicture:
                    continue


#: Segments of a JPEG that nothing in use today is drawn with.
RESERVED = (*range(0x02, 0xC0), 0xC8, 0xDC, 0xDE, 0xDF, *range(0xF0, 0xFE))
PHOTOS = {
    "a.jpg": pictures.jpeg(
        segments=pictures.jpeg_segment(0xE1, EXIF)
        + pictures.jpeg_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP)
        + pictures.jpeg_segment(0xED, b"Photoshop 3.0\0" + PLACE)
        + pictures.jpeg_segment(0xFE, PLACE)
        + pictures.jpeg_segment(0xE2, b"ICC_PROFILE\0colours")
    )
    + b"behind it a second photo or a film, taken at "
    + PLACE,
    "a.png": pictures.png(
        chunks=pictures.png_chunk(b"eXIf", TIFF)
        + pictures.png_chunk(b"tEXt", b"Location\0" + PLACE)
        + pictures.png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)
        + pictures.png_chunk(b"iCCP", b"colours\0\0x")
    )
    + PLACE,
    "a.gif": pictures.gif(
        extensions=b"!\xfe"
        + bytes((len(PLACE),))
        + PLACE
        + b"\0!\xff\x0bXMP DataXMP"
        + bytes((len(XMP),))
        + XMP
        + b"\0!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"
    )
    + PLACE,
    "a.webp": pictures.webp(chunks=pictures.riff_chunk(b"EXIF", TIFF) + pictures.riff_chunk(b"XMP ", XMP), flags=0x0C)
    + PLACE,
    "a.heic": pictures.heic(exif=EXIF) + struct.pack(">I", 8 + len(PLACE)) + b"mpvd" + PLACE,
    "copy.jpg": pictures.jpeg(segments=pictures.jpeg_segment(0xE0, b"JFIF\0\1\2\0\0\1\0\1\2\2" + PLACE + b"1234")),
    "photo.jpg": pictures.jpeg(segments=pictures.jpeg_segment(0xE0, b"JFXX\0\x10" + pictures.jpeg(segments=EXIF))),
    "colours.jpg": pictures.jpeg(segments=pictures.jpeg_segment(0xEE, b"Adobe\0\x64\0\0\0\0\1" + PLACE)),
    "adobe.jpg": pictures.jpeg(segments=pictures.jpeg_segment(0xEE, PLACE + PLACE)),
    "reserved.jpg": pictures.jpeg(segments=b"".join(pictures.jpeg_segment(mark, PLACE) for mark in RESERVED)),
    "behind.png": pictures.png() + pictures.png_chunk(b"IDAT", PLACE),
    "copy.heic": pictures.heic(items=[HeicItem(b"hvc1", PLACE)], references=[(b"thmb", 3, 1)]),
    "tiles.heic": pictures.heic(
        items=[HeicItem(b"grid", b"1 by 1", beside=True), HeicItem(b"hvc1", PLACE), HeicItem(b"hvc1", PLACE)],
        references=[(b"thmb", 3, 1), (b"dimg", 3, 4), (b"auxl", 5, 3)],
    ),
    "xmp.heic": pictures.heic(items=[HeicItem(b"mime", XMP)], references=[(b"cdsc", 3, 1)]),
    "address.heic": pictures.heic(items=[HeicItem(b"uri ", PLACE)]),
    "beside.heic": pictures.heic(
        items=[HeicItem(b"grid", b"1 by 1", beside=True), HeicItem(b"mime", XMP, beside=True)]
    ),
    "words.heic": pictures.heic(properties=pictures.heic_box(b"udes", b"\0\0\0\0en\0At home\0" + PLACE + b"\0\0")),
}


@pytest.mark.parametrize("name", PHOTOS)
def test_a_photo_does_not_tell_where_it_was_taken(town: Town, clerk: Actor, name: str) -> None:
    """Place, comments, small copies and films behind it are gone; how it looks and which way is up stays."""
    assert PLACE in PHOTOS[name]
    stored = town.files.stage(ANONYMOUS, Sent(name, PHOTOS[name]))
    kept = town.files.path(stored.checksum).read_bytes()
    assert PLACE not in kept
    assert b"JFXX" not in kept
    assert stored.size == len(kept)
    before, after = (read_pictures.read(stored.media_type, each) for each in (PHOTOS[name], kept))
    assert (after.width, after.height, after.content) == (before.width, before.height, kept)
    for part in (b"ICC_PROFILE\0colours", b"iCCPcolours", b"NETSCAPE2.0", b"IDAT", b"\x12\xff\0\x34", b"ispe"):
        assert (part in kept) == (part in PHOTOS[name])
    if name in {"a.jpg", "a.webp"}:
        assert read_pictures._tiff(6) in kept
    assert town.files.stage(ANONYMOUS, Sent(name, kept)).checksum == stored.checksum


def test_what_a_photo_is_drawn_with_stays(town: Town, clerk: Actor) -> None:
    """What the colours of a JPEG need is kept; a HEIC keeps all of itself, though something calls it a small copy."""
    kept = town.files.path(town.files.stage(clerk, Sent("a.jpg", PHOTOS["copy.jpg"])).checksum).read_bytes()
    assert kept[2:20] == pictures.jpeg_segment(0xE0, b"JFIF\0\1\2\0\0\1\0\1\0\0")
    kept = town.files.path(town.files.stage(clerk, Sent("a.jpg", PHOTOS["colours.jpg"])).checksum).read_bytes()
    assert kept[2:18] == pictures.jpeg_segment(0xEE, b"Adobe\0\x64\0\0\0\0\1")
    for references in ([(b"thmb", 1, 3)], [(b"thmb", 3, 1), (b"dimg", 1, 3)], [(b"thmb", 4, 1), (b"dimg", 4, 1)]):
        data = pictures.heic(exif=b"", items=[HeicItem(b"hvc1", b"tile")], references=references)
        assert read_pictures.read("image/heic", data).content == data


def test_a_photo_that_is_its_own_small_copy_is_left_as_it_is(town: Town, clerk: Actor) -> None:
    """Two items of a HEIC may stand on the same bytes; the picture's own are never taken from it."""
    data = pictures.heic(exif=b"", items=[HeicItem(b"hvc1", b"")], references=[(b"thmb", 3, 1)])
    copy = struct.pack(">HHHHII", 3, 0, 0, 1, data.index(b"points") + len(b"points"), 0)
    assert copy in data
    same = data.replace(copy, struct.pack(">HHHHII", 3, 0, 0, 1, data.index(b"points"), len(b"points")))
    kept = town.files.path(town.files.stage(clerk, Sent("a.heic", same)).checksum).read_bytes()
    assert b"points" in kept
    assert kept.count(b"hvc1") == 1


def test_uploads_leave_room_for_records(town: Town, clerk: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk would stop the town; files stop before, and at the town's own limit."""
    photo = pictures.png()
    town.settings = replace(town.settings, max_storage_gb=1)
    stored = town.files.stage(clerk, Sent("a.png", photo))
    town.system.attachment.update(size=2**30).where(town.system.attachment.id == stored.id).execute()
    with pytest.raises(Invalid, match="our storage is full"):
        town.files.stage(clerk, Sent("a.png", photo))
    town.settings = replace(town.settings, max_storage_gb=0)
    town.files.stage(clerk, Sent("a.png", photo))
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=files.ROOM_FOR_RECORDS))
    with pytest.raises(Invalid, match="our storage is full"):
        town.files.stage(clerk, Sent("a.png", photo))


def test_what_is_given_out_can_run_nothing(town: Town, clerk: Actor) -> None:
    """It is named, typed, in a sandbox and kept by nobody; what a browser could take for something else is saved."""
    people.add(town, system(), "ruth@town.example", name="Ruth", role="administrator", password="correct horse battery")
    bad = b"<html><script>alert(1)</script>"
    sent = [Sent("a.txt", bad), Sent("b\r\nSet-Cookie: x=y.pdf", b"%PDF-1.7"), Sent("c.csv", bad)]
    staged = tuple(town.files.stage(clerk, each) for each in sent)
    topic = make_topic(town)
    record = make_ticket(town, clerk, topic, photos=(), open_to_all=True)
    table = town.system.attachment
    for place, file in enumerate(staged):
        values = {"identity": record.identity, "record_id": record.id, "field": "photos", "position": place}
        table.update(expires_at=None, **values).where(table.id == file.id).execute()
    client = create_app(town).test_client()
    client.application.config["WTF_CSRF_ENABLED"] = False
    client.post("/admin/sign-in", data={"email": "ruth@town.example", "password": "correct horse battery"})
    seen = {}
    for file in staged:
        response = client.get(f"/admin/files/{file.id}", buffered=True)
        assert response.status_code == 200
        headers = response.headers
        assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "private, no-store"
        assert "Set-Cookie: x" not in str(headers)
        seen[file.media_type] = (response.mimetype, headers["Content-Disposition"].split(";")[0])
    assert seen == {
        "text/plain": ("text/plain", "inline"),
        "application/pdf": ("application/pdf", "inline"),
        "text/csv": ("text/csv", "attachment"),
    }


# -- archives and data files that mean harm ----------------------------------------------------------------------------

MANIFEST = b'name = "x"\ntitle = "X"\nversion = "1.0"\napi = ">=1,<2"\n'


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"schemas/a.toml": b"a = " + b"[" * 100_000}, "not valid TOML"),
        ({"schemas/a.toml": b"a = " + b"{a = " * 100_000}, "not valid TOML"),
        ({"schemas/a.toml": b"a." * 100_000 + b"a = 1"}, "more than 100 parts"),
        ({"static/a.png": pictures.png(60_000, 60_000)}, "more than browsers can show"),
        ({"static/a.png": b"\x89PNG\r\n\x1a\n<script>"}, "no readable PNG"),
        ({"static/inner.zip": zipped({"a": b"a"})}, "an uploaded module holds"),
        ({"../../secret_key": b"x"}, "leads elsewhere"),
        ({"schemas/con.toml": b""}, "is a device"),
        ({"static/LPT1.png": pictures.png()}, "is a device"),
    ],
)
def test_a_module_that_means_harm_is_refused(parts: dict[str, bytes], said: str) -> None:
    """Nesting without end, keys without end, bombs, archives in archives and ways out are sentences."""
    with pytest.raises(PluginError, match=said):
        uploading.read(zipped({"plugin.toml": MANIFEST, **parts}))


DEEP = "[" * 100_000
NESTED = "[" * 500 + "]" * 500


@pytest.mark.parametrize(
    ("read", "wrong"),
    [
        (lambda text: read_json(text), ValueError),
        (lambda text: read_toml(f"a = {text}"), ValueError),
        (lambda text: read_layer(f"a = {text}"), FormsError),
        (lambda text: read_features(text.encode()), BadOutlines),
        (lambda text: read_features(f'{{"type": {text}}}'.encode()), BadOutlines),
    ],
)
@pytest.mark.parametrize("text", [DEEP, NESTED])
def test_nothing_is_read_that_is_nested_without_end(
    read: Callable[[str], Any], wrong: type[Exception], text: str
) -> None:
    """Wherever somebody hands in a file, depth is a mistake with a sentence and no crash."""
    with pytest.raises(wrong):
        read(text)
    assert read_json(json.dumps({"a": [[{"b": 1}]]})) == {"a": [[{"b": 1}]]}


def test_no_field_falls_over_what_is_nested_without_end(town: Town, clerk: Actor) -> None:
    """Text that field types take for JSON, or for a number, is refused like any other that can't be read."""
    context = town.context(clerk)
    tried = 0
    for record_type in town.schemas.values():
        for field in record_type.all_fields.values():
            for text in (DEEP, '{"a":' * 100_000, "9" * 5_000, "²", "a" * 20_001, "\ufdfa" * 50_000):
                tried += 1
                try:
                    field.bind({}, context).parse(text, context)
                except Invalid:
                    continue
    assert tried > 100


def calendar(*rules: str, start: str = "20250101", more: str = "") -> bytes:
    """A calendar file with an entry for each rule."""
    entries = "".join(
        f"BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:{start}\r\nSUMMARY:x\r\nRRULE:{rule}\r\n{more}END:VEVENT\r\n"
        for rule in rules
    )
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{entries}END:VCALENDAR\r\n".encode()


TODAY = date(2026, 3, 17)


@pytest.mark.parametrize(
    "data",
    [
        calendar("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"),
        calendar("FREQ=YEARLY;BYHOUR=0,1,2;BYMINUTE=0,1,2;BYSECOND=0,1,2", start="19000101"),
        calendar("FREQ=YEARLY;INTERVAL=400", start="19000101"),
        calendar("FREQ=YEARLY", start="00010101"),
        calendar("FREQ=SECONDLY"),
        calendar(*["FREQ=YEARLY"] * 501),
        b"BEGIN:VCALENDAR\r\n" + b"BEGIN:VEVENT\r\n" * 20_000,
    ],
)
def test_a_calendar_file_keeps_nobody_busy(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules that never come, come each second or from the year 1 on are not followed; nor are thousands of them."""
    from dateutil import rrule

    turns = 0
    rebuild = rrule._iterinfo.rebuild

    def counted(self: Any, *year_and_month: int) -> None:
        nonlocal turns
        turns += 1
        rebuild(self, *year_and_month)

    monkeypatch.setattr(rrule._iterinfo, "rebuild", counted)
    with pytest.raises(Rejected):
        read_icalendar(data, TODAY)
    assert turns < 100
    for rule in ("FREQ=YEARLY", "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", "FREQ=YEARLY;UNTIL=20300101T000000Z"):
        assert len(read_icalendar(calendar(rule), TODAY).days) == 5


def test_the_modules_limits_hold_for_what_a_header_hides(tmp_path: Path) -> None:
    """A member that is larger than its header says is read no further than it may be long."""
    data = bytearray(zipped({"plugin.toml": MANIFEST, "schemas/a.toml": b"#" * (3 * 1024 * 1024)}))
    place = data.rindex(b"schemas/a.toml") - 46
    struct.pack_into("<I", data, place + 24, 10)
    with pytest.raises(PluginError):
        uploading.read(bytes(data))
