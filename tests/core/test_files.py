"""Files: staged, checked, claimed by records, given out, and cleaned up."""

from __future__ import annotations

import io
import os
import time
import zipfile
from datetime import timedelta

import pytest
from desk import TICKET
from desk import make_ticket
from desk import make_topic

from townhall.access.actors import ANONYMOUS
from townhall.access.actors import Actor
from townhall.access.actors import citizen
from townhall.access.actors import system
from townhall.app import create_app
from townhall.clock import FixedClock
from townhall.errors import NotFound
from townhall.errors import ValidationFailed
from townhall.records.files import clean_name
from townhall.testing import pictures
from townhall.town import Town
from townhall_forms.errors import Invalid

PNG = pictures.png()
JPEG = pictures.jpeg()
PDF = b"%PDF-1.7\n" + b"x" * 40


class Sent(io.BytesIO):
    """An upload, as a browser sends it."""

    def __init__(self, filename: str, content: bytes) -> None:
        super().__init__(content)
        self.filename: str | None = filename


def office(folder: str) -> bytes:
    """A small office document."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(f"{folder}/document.xml", "<x/>")
    return buffer.getvalue()


def opendocument(kind: str) -> bytes:
    """A small OpenDocument file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("mimetype", f"application/vnd.oasis.opendocument.{kind}")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("a.pdf", PDF, "application/pdf"),
        ("a.PNG", PNG, "image/png"),
        ("a.jpeg", JPEG, "image/jpeg"),
        ("a.gif", pictures.gif(), "image/gif"),
        ("a.webp", pictures.webp(), "image/webp"),
        ("a.heic", pictures.heic(exif=bytes(40)), "image/heic"),
        ("a.docx", office("word"), "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("a.xlsx", office("xl"), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("a.odt", opendocument("text"), "application/vnd.oasis.opendocument.text"),
        ("a.rtf", b"{\\rtf1 hello}", "application/rtf"),
        ("a.txt", "grüß".encode(), "text/plain"),
    ],
)
def test_known_types_are_taken(town: Town, clerk: Actor, name: str, content: bytes, media_type: str) -> None:
    """A file whose content is what its name says is kept, with its type, size and bytes."""
    stored = town.files.stage(clerk, Sent(name, content))
    assert (stored.filename, stored.media_type, stored.size) == (name, media_type, len(content))
    with town.files.open(stored) as file:
        assert file.read() == content


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("virus.exe", b"MZ\x00", "can't be taken"),
        ("page.html", b"<script>", "can't be taken"),
        ("picture.svg", b"<svg/>", "can't be taken"),
        ("noname", b"x", "can't be taken"),
        ("photo.png", b"<script>alert(1)</script>", "no readable PNG"),
        ("letter.docx", b"PK\x03\x04 just a zip", "no readable Word"),
        ("letter.txt", b"a\x00b", "no readable text"),
        ("empty.pdf", b"", "is empty"),
    ],
)
def test_other_files_are_refused(town: Town, clerk: Actor, name: str, content: bytes, said: str) -> None:
    """A file of an unknown type, or that isn't what its name says, is refused with a sentence and not kept."""
    with pytest.raises(Invalid, match=said):
        town.files.stage(clerk, Sent(name, content))
    assert town.system.attachment.select().count() == 0
    assert [path for path in (town.instance / "files").rglob("*") if path.is_file()] == []


def test_size_and_kind_have_limits(town: Town, clerk: Actor) -> None:
    """A file over the limit is refused while it is read, and one of a kind that the field doesn't take as well."""
    with pytest.raises(Invalid, match="too large"):
        town.files.stage(clerk, Sent("a.pdf", PDF + b"x" * 2000), max_size=1024)
    with pytest.raises(Invalid, match="JPEG"):
        town.files.stage(clerk, Sent("a.pdf", PDF), accept=("image",))


def test_staged_files_are_the_senders_own(town: Town, clerk: Actor, viewer: Actor, clock: FixedClock) -> None:
    """A token opens a staged file to whoever staged it, until its time is over."""
    stored = town.files.stage(clerk, Sent("a.pdf", PDF))
    assert town.files.stored(clerk, [stored.token, "guess"]) == {stored.token: stored}
    assert town.files.stored(viewer, [stored.token]) == {}
    assert town.files.stored(ANONYMOUS, [stored.token]) == {}
    clock.move(timedelta(days=365))
    assert town.files.stored(clerk, [stored.token]) == {}


def test_record_claims_its_files(town: Town, clerk: Actor) -> None:
    """Files sent with a record become its own, in order; another record can't take them."""
    topic = make_topic(town)
    one, two = (town.files.stage(clerk, Sent(name, PNG)) for name in ("1.png", "2.png"))
    record = make_ticket(town, clerk, topic, photos=(two, one))
    assert [file.filename for file in record["photos"]] == ["2.png", "1.png"]
    assert town.files.stored(clerk, [one.token]) == {}
    with pytest.raises(ValidationFailed, match="no longer there"):
        make_ticket(town, clerk, topic, photos=(one,))
    assert town.records.count(clerk, TICKET).value == 1


def test_files_are_taken_off_and_kept_a_while(town: Town, clerk: Actor, clock: FixedClock) -> None:
    """A file taken off a record leaves it at once; its bytes go only after a month."""
    one, two = (town.files.stage(clerk, Sent(f"{n}.png", pictures.png(n))) for n in (1, 2))
    record = make_ticket(town, clerk, make_topic(town), photos=(one, two))
    kept = record["photos"][1]
    changed = town.records.update(clerk, TICKET, record.id, {"photos": (kept,)}, version=1)
    assert [file.filename for file in changed["photos"]] == ["2.png"]
    assert town.files.remove_orphans() == 0
    clock.move(timedelta(days=31))
    place = town.files.path(one.checksum)
    os.utime(place, (time.time() - 7200, time.time() - 7200))
    assert town.files.remove_orphans() == 1
    assert not place.exists()
    assert town.files.path(two.checksum).exists()


def test_same_bytes_are_kept_once(town: Town, clerk: Actor, clock: FixedClock) -> None:
    """Two uploads of the same bytes share them; when one goes the other keeps them."""
    one = town.files.stage(clerk, Sent("1.png", PNG))
    two = town.files.stage(clerk, Sent("2.png", PNG))
    assert one.checksum == two.checksum
    make_ticket(town, clerk, make_topic(town), photos=(two,))
    clock.move(timedelta(days=365))
    os.utime(town.files.path(one.checksum), (0, 0))
    assert town.files.remove_orphans() == 1
    assert town.files.path(two.checksum).exists()


def test_files_are_given_out_by_field(town: Town, clerk: Actor) -> None:
    """A record's file is opened by who may see its field; nobody opens one that is only staged."""
    stored = town.files.stage(clerk, Sent("1.png", PNG))
    with pytest.raises(NotFound):
        town.records.open_file(clerk, stored.id)
    record = make_ticket(town, clerk, make_topic(town), photos=(stored,), open_to_all=True)
    file, path = town.records.open_file(clerk, record["photos"][0].id)
    assert (file.filename, path.read_bytes()) == ("1.png", PNG)
    with pytest.raises(NotFound):
        town.records.open_file(ANONYMOUS, file.id)
    with pytest.raises(NotFound):
        town.records.open_file(clerk, 999)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\Erin\\Desktop\\Brief.pdf", "Brief.pdf"),
        ("a\x00b\n.png", "ab.png"),
        ("bill\u202egnp.exe", "billgnp.exe"),
        ("nul.pdf", "_nul.pdf"),
        ("COM1", "_COM1"),
        ('a<b>:"|?*.png', "a_b______.png"),
        ("..", "file"),
        ("", "file"),
        ("x" * 300 + ".pdf", "x" * 146 + ".pdf"),
    ],
)
def test_file_names_are_cleaned(given: str, kept: str) -> None:
    """A name keeps no folder, no control characters, and not too much of anything."""
    assert clean_name(given) == kept


def test_a_sender_is_told_how_many_files_they_sent_and_nothing_of_others(town: Town, clerk: Actor) -> None:
    """The status page counts what came from the public, also where its names are internal; nobody else is told."""
    topic = make_topic(town, questions=None)
    sent = [town.files.stage(ANONYMOUS, Sent(name, PNG)) for name in ("one.png", "two.png")]
    values = {"topic": topic.id, "summary": "Deep hole", "photos": [file.token for file in sent]}
    ticket = town.records.create(ANONYMOUS, TICKET, values, form="public")
    ticket = town.records.get(clerk, TICKET, ticket.id)
    added = town.files.stage(clerk, Sent("crew.png", PNG))
    photos = [*ticket["photos"], added]
    town.records.transition(clerk, TICKET, ticket.id, "ask", version=ticket.version)
    ticket = town.records.get(clerk, TICKET, ticket.id)
    town.records.update(clerk, TICKET, ticket.id, {"photos": photos}, version=ticket.version)
    owner = citizen(frozenset({(TICKET, ticket.id)}))
    assert town.records.sent_files(owner, TICKET, ticket.id) == {"photos": 2}
    assert town.records.sent_files(clerk, TICKET, ticket.id) == {}
    assert town.records.sent_files(ANONYMOUS, TICKET, ticket.id) == {}
    browser = create_app(town).test_client()
    token = town.records.make_link(system(), TICKET, ticket.id, "status")
    page = browser.get(f"/status/{ticket.number}/{token}", follow_redirects=True)
    assert "<dt>Photos</dt><dd>2 received</dd>" in page.text
    assert "one.png" not in page.text
    assert "crew.png" not in page.text
    assert browser.get(f"/files/{sent[0].id}").status_code == 404
