"""A resident on the public site, without JavaScript: forms, saving, sending once, following up."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from threading import Barrier
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from townhall.access.actors import system
from townhall.app import create_app
from townhall.records import link_codes
from townhall.testing import pictures
from townhall.town import Town
from townhall_forms.values import Question
from townhall_forms.values import Questions
from townhall_forms.values import Reference

STAFF = system("admin", "Ruth")
PNG = pictures.png()


@pytest.fixture
def park(make_town: Callable[..., Town]) -> Town:
    """A town with a small plugin that uses everything the public site offers."""
    return make_town("park")


@pytest.fixture
def spots(park: Town) -> dict[str, int]:
    """Three spots: an open one with a question, one where people must say who they are, and a closed one."""
    questions = Questions(1, (Question("height", "How high?", type="integer", privacy="public"),), {})
    made = {}
    for name, more in {
        "Old oak": {"group": "Trees", "keywords": "acorn, shade", "questions": questions, "kind": "tree"},
        "Long bench": {"group": "Named", "kind": "bench"},
        "Closed gate": {"group": "Trees", "open": False},
        "Hidden nook": {"shown": False},
    }.items():
        values: dict[str, Any] = {"name": name, "caretaker": "Secret Sam", **more}
        made[name] = park.records.create(STAFF, "park.spot", values).id
    return made


@pytest.fixture
def visitor(park: Town) -> FlaskClient:
    """A visitor's browser, without scripts."""
    return create_app(park).test_client()


def token_of(page: TestResponse) -> str:
    """The token against forged posts that stands in a page."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert found is not None, page.text
    return found.group(1)


def send(browser: FlaskClient, url: str, data: dict[str, Any] | None = None, **options: Any) -> TestResponse:
    """Open a page and send its form."""
    token = token_of(browser.get(url))
    return browser.post(url, data={"csrf_token": token, **(data or {})}, **options)


def begin(browser: FlaskClient, spot: int, **answers: Any) -> str:
    """Fill in the first page of a wish; the address of the next page."""
    data = {"subject": "A second bench", "urgent": "no", **answers}
    response = send(browser, f"/apply/park/wish/wish?spot={spot}", data)
    assert response.status_code == 303, response.text
    return response.location


def to_review(browser: FlaskClient, spot: int, **answers: Any) -> str:
    """Fill in a wish up to its review; the review's address."""
    costs = begin(browser, spot, **answers)
    contact = send(browser, costs).location
    return str(send(browser, contact, {"contact_name": "Ada", "contact_email": "ada@example.org"}).location)


def send_wish(browser: FlaskClient, spot: int, **answers: Any) -> tuple[str, str]:
    """Send a whole wish; its number and its secret link."""
    receipt = browser.get(send(browser, to_review(browser, spot, **answers)).location)
    number = re.search(r"W-\d{4}-\d{4}", receipt.text)
    link = re.search(r'href="(http://localhost/status/[^"]+)"', receipt.text)
    assert number is not None, receipt.text
    assert link is not None
    return number.group(), unescape(link.group(1))


def text_of(page: TestResponse) -> str:
    """What a page says, without its tags."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


class TestHome:
    """The home page and the search over services."""

    def test_services_stand_under_the_headings_of_their_group(self, visitor: FlaskClient, spots: Any) -> None:
        """Each spot that takes wishes is one service under its group; closed and hidden ones are not offered."""
        page = visitor.get("/").text
        for offered in ("Old oak", "Long bench", "Trees", "Named", "Spots in our parks (3)"):
            assert offered in page
        assert "Hidden nook" not in page
        assert "Closed gate" not in page

    def test_form_behind_an_apply_button_is_no_service_of_its_own(self, visitor: FlaskClient, spots: Any) -> None:
        """A form that a public list leads to is reached from there."""
        assert "Look after a spot" not in visitor.get("/").text

    @pytest.mark.parametrize("text", ["oak", "ACORN", "acor", "wish oak", "trees"])
    def test_search_finds_services_by_label_heading_and_keywords(
        self, visitor: FlaskClient, spots: Any, text: str
    ) -> None:
        """Every word counts, in any order and case; the beginning of a word is enough."""
        assert "Old oak" in visitor.get("/search", query_string={"q": text}).text

    def test_search_does_not_find_internal_text(self, visitor: FlaskClient, spots: Any) -> None:
        """What the public may not read finds nothing."""
        assert "Old oak" not in visitor.get("/search?q=Sam").text


class TestFilling:
    """The pages of a form."""

    def test_whole_form_without_scripts(self, visitor: FlaskClient, park: Town, spots: dict[str, int]) -> None:
        """A wish is made in steps and becomes one record with a number, a contact and nothing else."""
        number, _ = send_wish(visitor, spots["Old oak"], **{"answers.height": "12"})
        record = park.records.by_number(STAFF, "park.wish", number)
        assert (record["subject"], record["spot"], record.state) == ("A second bench", spots["Old oak"], "new")
        sender = park.records.get(STAFF, "core.contact", record["sender"])
        assert "Ada" in sender.title

    def test_a_link_offers_only_what_the_form_is_open_for(
        self, visitor: FlaskClient, park: Town, spots: dict[str, int]
    ) -> None:
        """Nobody chooses what they would be told on the next page to be closed, on screen or on paper."""
        for address in ("/apply/park/wish/adopt", "/apply/park/wish/adopt/print"):
            page = visitor.get(address).text
            assert "Old oak" in page
            assert "Closed gate" not in page

    def test_mistake_keeps_what_was_typed(self, visitor: FlaskClient, spots: dict[str, int]) -> None:
        """A refused page says what to put right, links to the input, and still has everything that was typed."""
        response = send(
            visitor, f"/apply/park/wish/wish?spot={spots['Old oak']}", {"subject": "x" * 70, "urgent": "yes"}
        )
        assert response.status_code == 422
        assert "<title>Error:" in response.text
        assert "x" * 70 in response.text
        assert 'href="#' in response.text

    def test_conditional_question_is_asked_and_required(self, visitor: FlaskClient, spots: dict[str, int]) -> None:
        """Who says urgent must say why; who does not is not held up by it."""
        url = f"/apply/park/wish/wish?spot={spots['Old oak']}"
        assert send(visitor, url, {"subject": "Water", "urgent": "yes"}).status_code == 422
        assert send(visitor, url, {"subject": "Water", "urgent": "no"}).status_code == 303

    def test_upload_survives_a_mistake_elsewhere(self, visitor: FlaskClient, park: Town, spots: dict[str, int]) -> None:
        """A picture is kept while another one on the same page is refused, and ends up on the record."""
        costs = begin(visitor, spots["Old oak"])
        refused = send(
            visitor,
            costs,
            {
                "pictures": [(io.BytesIO(PNG), "tree.png"), (io.BytesIO(b"MZ"), "virus.exe")],
                "costs-0-item": "Spade",
            },
            content_type="multipart/form-data",
        )
        assert refused.status_code == 422
        assert "tree.png" in refused.text
        assert "Spade" in refused.text
        kept = re.findall(r'name="(pictures-kept)"[^>]* value="([^"]+)"', refused.text)
        assert kept
        # Coming back to the page later shows the kept picture too.
        assert "tree.png" in visitor.get(costs).text
        done = visitor.post(costs, data={"csrf_token": token_of(refused), "costs-0-item": "Spade", **dict(kept)})
        assert done.status_code == 303, done.text
        review = send(visitor, done.location, {}).location
        receipt = visitor.get(send(visitor, review).location)
        number = re.search(r"W-\d{4}-\d{4}", receipt.text)
        assert number is not None
        record = park.records.by_number(STAFF, "park.wish", number.group())
        assert [file.filename for file in record["pictures"]] == ["tree.png"]
        assert record["costs"][0]["item"] == "Spade"

    def test_rows_are_added_without_scripts(self, visitor: FlaskClient, spots: dict[str, int]) -> None:
        """The button that adds a row brings the page back with one more, and what was typed."""
        costs = begin(visitor, spots["Old oak"])
        more = send(visitor, costs, {"costs-0-item": "Spade", "_add": "costs"})
        assert more.status_code == 200
        assert 'name="costs-1-item"' in more.text
        assert "Spade" in more.text

    def test_steps_before_the_review_can_not_be_skipped(self, visitor: FlaskClient, spots: dict[str, int]) -> None:
        """The review opens when everything is answered; before that it leads to the first open page."""
        costs = begin(visitor, spots["Old oak"])
        review = re.sub(r"/page/.*", "/page/review", costs)
        assert visitor.get(review).location == costs

    def test_review_shows_all_answers_before_sending(self, visitor: FlaskClient, spots: dict[str, int]) -> None:
        """The last page shows every answer with its question and a way to change it."""
        review = visitor.get(to_review(visitor, spots["Old oak"], secret_note="A note for you")).text
        for said in ("A second bench", "A note for you", "Ada", "ada@example.org", "Nothing is sent yet"):
            assert said in review

    def test_contact_is_asked_only_if_it_must_be(self, visitor: FlaskClient, spots: dict[str, int]) -> None:
        """Where the answers allow it, nobody has to say who they are; where they don't, a way to answer is needed."""
        contact = send(visitor, begin(visitor, spots["Old oak"])).location
        assert send(visitor, contact, {}).status_code == 303
        contact = send(visitor, begin(visitor, spots["Old oak"])).location
        half = send(visitor, contact, {"contact_email": "ada@example.org"})
        assert half.status_code == 422
        assert "Enter your name too" in half.text
        assert "ada@example.org" in half.text
        contact = send(visitor, begin(visitor, spots["Long bench"])).location
        assert send(visitor, contact, {}).status_code == 422
        nameless = send(visitor, contact, {"contact_name": "Ada"})
        assert nameless.status_code == 422
        assert "e-mail address or a phone number" in nameless.text
        review = send(visitor, contact, {"contact_name": "Ada", "contact_phone": "212 555 0142"})
        assert review.status_code == 303
        assert "(212) 555-0142" in visitor.get(review.location).text

    def test_closed_form_says_so(self, visitor: FlaskClient, spots: dict[str, int]) -> None:
        """A form whose condition does not hold shows its message and no questions."""
        page = visitor.get(f"/apply/park/wish/wish?spot={spots['Closed gate']}").text
        assert "No wishes for this spot now." in page
        assert 'name="subject"' not in page

    def test_choice_that_the_public_may_not_see_is_not_there(self, visitor: FlaskClient, spots: dict[str, int]) -> None:
        """A form can't be opened for a hidden record, for one that never was, or for nonsense."""
        for spot in (spots["Hidden nook"], 999999, "x", "-1", "9" * 40):
            assert visitor.get(f"/apply/park/wish/wish?spot={spot}").status_code == 404

    def test_form_to_print_asks_the_same_questions(self, visitor: FlaskClient, spots: dict[str, int]) -> None:
        """The paper form has every question, those of the chosen spot included."""
        page = visitor.get(f"/apply/park/wish/wish/print?spot={spots['Old oak']}").text
        for asked in ("What do you wish for?", "Is it urgent?", "How high?", "What it may cost", "Pictures", "E-mail"):
            assert asked in page


class TestSaving:
    """Save and return later."""

    def test_saved_form_goes_on_in_another_browser(
        self, visitor: FlaskClient, park: Town, spots: dict[str, int]
    ) -> None:
        """The secret link opens the form where it was left, with what was typed, mistakes included."""
        url = f"/apply/park/wish/wish?spot={spots['Old oak']}"
        saved = send(visitor, url, {"subject": "y" * 70, "_save": "1"})
        page = visitor.get(saved.location)
        link = re.search(r'href="(http://localhost/continue/[^"]+)"', page.text)
        assert link is not None
        assert "are kept until" in page.text
        other = create_app(park).test_client()
        step = other.get(link.group(1))
        assert step.status_code == 303
        assert link.group(1).rsplit("/", 1)[1] not in step.location
        assert "y" * 70 in other.get(step.location).text

    def test_form_that_nobody_saved_has_no_link(self, visitor: FlaskClient, spots: dict[str, int]) -> None:
        """The page with the secret link leads back into the form until somebody asks to save it."""
        costs = begin(visitor, spots["Old oak"])
        assert visitor.get(re.sub(r"/page/.*", "/saved", costs)).location == costs
        saved = send(visitor, costs, {"_save": "1"}).location
        assert "are kept until" in visitor.get(saved).text

    def test_unknown_link_of_a_saved_form(self, visitor: FlaskClient) -> None:
        """A link that opens nothing says so kindly."""
        page = visitor.get("/continue/AAAAAAAAAAAAAAAAAAAAAA")
        assert page.status_code == 404
        assert "no longer here" in page.text

    def test_pages_of_a_form_belong_to_one_browser(
        self, visitor: FlaskClient, park: Town, spots: dict[str, int]
    ) -> None:
        """The address of a page is no key: in another browser it opens nothing."""
        costs = begin(visitor, spots["Old oak"])
        assert create_app(park).test_client().get(costs).status_code == 404


class TestSending:
    """Sending once, and keeping junk out."""

    def test_sending_twice_makes_one_record_and_one_receipt(
        self, visitor: FlaskClient, park: Town, spots: dict[str, int]
    ) -> None:
        """The second press of the button leads to the receipt of the first."""
        review = to_review(visitor, spots["Old oak"])
        token = token_of(visitor.get(review))
        first = visitor.post(review, data={"csrf_token": token})
        second = visitor.post(review, data={"csrf_token": token})
        assert first.location == second.location
        assert park.records.count(STAFF, "park.wish").value == 1
        assert visitor.get(first.location).text == visitor.get(second.location).text

    def test_trap_for_programs(self, visitor: FlaskClient, park: Town, spots: dict[str, int]) -> None:
        """Whoever fills in the hidden field makes no record; a person can clear it and send again."""
        review = to_review(visitor, spots["Old oak"])
        trapped = send(visitor, review, {"website_address": "http://spam.example"})
        assert trapped.status_code == 422
        assert park.records.count(STAFF, "park.wish").value == 0
        assert send(visitor, review).status_code == 303

    def test_too_many_forms_from_one_address_are_refused_and_kept(
        self, visitor: FlaskClient, park: Town, spots: dict[str, int]
    ) -> None:
        """Over the limit nothing is lost: the page says how to keep the answers."""
        for _ in range(park.settings.public_submissions_per_hour):
            assert send(visitor, to_review(visitor, spots["Old oak"])).status_code == 303
        refused = send(visitor, to_review(visitor, spots["Old oak"]))
        assert refused.status_code == 429
        assert "A second bench" in refused.text
        assert "Your answers are kept" in refused.text

    def test_too_large_a_request_is_explained(self, visitor: FlaskClient, park: Town, spots: dict[str, int]) -> None:
        """More than the server takes at once gets a page with a way back."""
        costs = begin(visitor, spots["Old oak"])
        token = token_of(visitor.get(costs))
        limit = visitor.application.config["MAX_CONTENT_LENGTH"]
        visitor.application.config["MAX_CONTENT_LENGTH"] = 1000
        response = visitor.post(costs, data={"csrf_token": token, "pictures": (io.BytesIO(b"x" * 5000), "a.png")})
        visitor.application.config["MAX_CONTENT_LENGTH"] = limit
        assert response.status_code == 413
        assert "too large" in response.text
        assert costs in response.text


class TestStatus:
    """The page behind the secret link."""

    def test_link_is_exchanged_for_an_address_without_secret(
        self, visitor: FlaskClient, park: Town, spots: dict[str, int]
    ) -> None:
        """The token leaves the address at once, and no header or link of the page hands it on."""
        number, link = send_wish(visitor, spots["Old oak"])
        other = create_app(park).test_client()
        opened = other.get(link)
        assert (opened.status_code, opened.location) == (303, f"/requests/{number}")
        page = other.get(opened.location)
        assert page.status_code == 200
        assert link.rsplit("/", 1)[1] not in page.text
        for response in (opened, page):
            assert response.headers["Referrer-Policy"] == "no-referrer"
            assert response.headers["Cache-Control"] == "no-store"

    def test_only_public_words_and_fields(self, visitor: FlaskClient, park: Town, spots: dict[str, int]) -> None:
        """State labels of the staff, internal fields and internal notes stay inside."""
        number, _ = send_wish(visitor, spots["Old oak"], secret_note="Between us")
        record = park.records.by_number(STAFF, "park.wish", number)
        record = park.records.transition(STAFF, "park.wish", record.id, "look", version=record.version)
        park.records.message(STAFF, "park.wish", record.id, "We will come on Monday.")
        park.records.create(
            STAFF,
            "core.interaction",
            {
                "channel": "phone",
                "direction": "in",
                "at": park.clock.now(),
                "about": Reference("park.wish", record.id),
                "body": "Internal remark",
                "public": False,
            },
        )
        page = visitor.get(f"/requests/{number}")
        said = text_of(page)
        assert "Being looked at" in said
        assert "We will come on Monday." in said
        for hidden in ("With Anna", "Between us", "Internal remark", "What we decided", "Secret Sam"):
            assert hidden not in page.text

    def test_step_line_shows_past_present_and_future(
        self, visitor: FlaskClient, park: Town, spots: dict[str, int]
    ) -> None:
        """What is behind, where it is, and what is to come, with one present step."""
        number, _ = send_wish(visitor, spots["Old oak"])
        record = park.records.by_number(STAFF, "park.wish", number)
        park.records.transition(STAFF, "park.wish", record.id, "look", version=record.version)
        page = visitor.get(f"/requests/{number}")
        assert page.text.count('aria-current="step"') == 1
        assert "Received , done" in text_of(page)
        assert "Being looked at , now" in text_of(page)
        assert "Fulfilled , still to come" in text_of(page)

    def test_message_from_the_citizen_is_kept_and_shown(
        self, visitor: FlaskClient, park: Town, spots: dict[str, int]
    ) -> None:
        """A message stands on the page and on the record; an empty one is refused in words."""
        number, _ = send_wish(visitor, spots["Old oak"])
        token = token_of(visitor.get(f"/requests/{number}"))
        empty = visitor.post(f"/requests/{number}/message", data={"csrf_token": token, "text": " "})
        assert empty.status_code == 422
        sent = visitor.post(f"/requests/{number}/message", data={"csrf_token": token, "text": "Any news?"})
        assert sent.status_code == 303
        assert "Any news?" in visitor.get(f"/requests/{number}").text
        found = park.records.find(STAFF, "core.interaction").records
        assert [one["direction"] for one in found] == ["in"]

    def test_citizen_moves_ask_for_what_they_need(
        self, visitor: FlaskClient, park: Town, spots: dict[str, int]
    ) -> None:
        """Saying that it is not done asks for the proof that the move requires, and opens it again."""
        number, _ = send_wish(visitor, spots["Old oak"])
        record = park.records.by_number(STAFF, "park.wish", number)
        park.records.transition(STAFF, "park.wish", record.id, "finish", version=record.version)
        assert "It is not done" in visitor.get(f"/requests/{number}").text
        url = f"/requests/{number}/move/reopen"
        assert send(visitor, url, {"proof": ""}).status_code == 422
        assert send(visitor, url, {"proof": "Still no bench", "text": "Please look"}).status_code == 303
        record = park.records.by_number(STAFF, "park.wish", number)
        assert (record.state, record["proof"]) == ("looking", "Still no bench")
        page = visitor.get(f"/requests/{number}")
        assert "It is not done" not in page.text
        late = visitor.post(url, data={"csrf_token": token_of(page), "proof": "x", "text": "And the paint"})
        assert late.status_code == 409
        assert "This is no longer possible" in late.text
        assert "And the paint" in late.text

    def test_staff_moves_are_not_for_citizens(self, visitor: FlaskClient, spots: dict[str, int]) -> None:
        """A move of the staff can't be made from the status page."""
        number, _ = send_wish(visitor, spots["Old oak"])
        assert visitor.get(f"/requests/{number}/move/finish").location == f"/requests/{number}"

    def test_sender_changes_only_what_they_touched(
        self, visitor: FlaskClient, park: Town, spots: dict[str, int]
    ) -> None:
        """Who was overtaken by a colleague is told so, and saves what they changed and nothing that they left alone."""
        number, _ = send_wish(visitor, spots["Old oak"], secret_note="Between us")
        token = token_of(visitor.get(f"/requests/{number}"))
        review = visitor.post(f"/requests/{number}/edit", data={"csrf_token": token}).location
        page = re.sub(r"/page/.*", "/page/what", review)
        send(visitor, page, {"subject": "Two benches", "urgent": "no", "secret_note": "Between us"})
        record = park.records.by_number(STAFF, "park.wish", number)
        park.records.update(STAFF, "park.wish", record.id, {"secret_note": "Known"}, version=record.version)
        overtaken = send(visitor, review)
        assert overtaken.status_code == 409
        assert "Two benches" in overtaken.text
        assert "Between us" not in overtaken.text
        assert send(visitor, review).location == f"/requests/{number}"
        record = park.records.by_number(STAFF, "park.wish", number)
        assert (record["subject"], record["secret_note"]) == ("Two benches", "Known")

    def test_sender_changes_it_while_that_is_allowed(
        self, visitor: FlaskClient, park: Town, spots: dict[str, int]
    ) -> None:
        """In a state of edit_in the form opens again with the answers; afterwards it does not."""
        number, _ = send_wish(visitor, spots["Old oak"], secret_note="Between us")
        token = token_of(visitor.get(f"/requests/{number}"))
        review = visitor.post(f"/requests/{number}/edit", data={"csrf_token": token}).location
        assert "A second bench" in visitor.get(review).text
        page = re.sub(r"/page/.*", "/page/what", review)
        assert "Between us" in visitor.get(page).text
        changed = send(visitor, page, {"subject": "Two benches", "urgent": "no", "secret_note": "Between us"})
        assert changed.location == review
        assert send(visitor, review).location == f"/requests/{number}"
        record = park.records.by_number(STAFF, "park.wish", number)
        assert (record["subject"], record["secret_note"]) == ("Two benches", "Between us")
        park.records.transition(STAFF, "park.wish", record.id, "look", version=record.version)
        refused = visitor.post(f"/requests/{number}/edit", data={"csrf_token": token})
        assert refused.location == f"/requests/{number}"

    def test_form_that_changes_a_request_closes_with_its_link(
        self, visitor: FlaskClient, park: Town, spots: dict[str, int]
    ) -> None:
        """Where a link opens nothing any more, the form it led to shows nothing and writes nothing; a new one opens it
        again, with what was typed.
        """
        number, _ = send_wish(visitor, spots["Old oak"])
        token = token_of(visitor.get(f"/requests/{number}"))
        review = visitor.post(f"/requests/{number}/edit", data={"csrf_token": token}).location
        page = re.sub(r"/page/.*", "/page/what", review)
        answers = {"subject": "Two benches", "urgent": "no"}
        send(visitor, page, answers)
        record = park.records.by_number(STAFF, "park.wish", number)
        renewed = park.records.renew_link(STAFF, "park.wish", record.id, "status")
        park.records.update(STAFF, "park.wish", record.id, {"subject": "Written since"}, version=record.version)
        for url in (review, page, re.sub(r"/page/.*", "/saved", review)):
            answer = visitor.get(url)
            assert answer.status_code == 404, url
            assert "Written since" not in answer.text
        for url in (review, page):
            assert visitor.post(url, data={"csrf_token": token, **answers}).status_code == 404
        assert park.records.by_number(STAFF, "park.wish", number)["subject"] == "Written since"

        visitor.get(f"/status/{number}/{renewed}")
        assert "Two benches" in visitor.get(review).text
        visitor.post(f"/requests/{number}/close", data={"csrf_token": token})
        assert visitor.get(review).status_code == 404

    def test_form_that_changes_a_request_is_not_saved_for_later(
        self, visitor: FlaskClient, park: Town, spots: dict[str, int]
    ) -> None:
        """It is neither offered nor to be had: no key of it is told, and none leads into another browser."""
        number, _ = send_wish(visitor, spots["Old oak"])
        token = token_of(visitor.get(f"/requests/{number}"))
        review = visitor.post(f"/requests/{number}/edit", data={"csrf_token": token}).location
        page = re.sub(r"/page/.*", "/page/what", review)
        name = review.split("/")[2]
        typed = {"subject": "Two benches", "urgent": "no", "_save": "1"}
        for url, data in ((page, typed), (review, {"_save": "1"})):
            assert "_save" not in visitor.get(url).text
            answer = visitor.get(send(visitor, url, data).location)
            assert answer.location == review
        assert "Two benches" in visitor.get(review).text
        assert park.records.by_number(STAFF, "park.wish", number)["subject"] == "A second bench"
        with visitor.session_transaction() as session:
            key = session["drafts"][name]
        assert visitor.get(f"/continue/{key}").status_code == 404
        assert create_app(park).test_client().get(f"/continue/{key}").status_code == 404

    def test_unknown_revoked_and_foreign_links_look_the_same(
        self, visitor: FlaskClient, park: Town, spots: dict[str, int]
    ) -> None:
        """Nobody learns whether a number exists, or that a link was good once."""
        number, link = send_wish(visitor, spots["Old oak"])
        other = create_app(park).test_client()
        foreign = other.get(f"/requests/{number}")
        wrong = other.get(f"/status/{number}/AAAAAAAAAAAAAAAAAAAAAA")
        never = other.get("/status/W-2026-9999/AAAAAAAAAAAAAAAAAAAAAA")
        record = park.records.by_number(STAFF, "park.wish", number)
        park.records.revoke_link(STAFF, "park.wish", record.id, "status")
        revoked = other.get(link)
        for page in (foreign, wrong, never, revoked, visitor.get(f"/requests/{number}")):
            assert page.status_code == 404
            assert text_of(page) == text_of(foreign)

    def test_code_typed_in_by_hand_opens_it(self, visitor: FlaskClient, park: Town, spots: dict[str, int]) -> None:
        """Number and code do the same as the link; a wrong pair is refused in the same words for any number."""
        number, link = send_wish(visitor, spots["Old oak"])
        receipt_code = link_codes.readable(link.rsplit("/", 1)[1])
        other = create_app(park).test_client()
        good = send(other, "/requests/", {"number": number.lower(), "code": receipt_code.lower()})
        assert good.location == f"/requests/{number}"
        stranger = create_app(park).test_client()
        answers = [
            send(stranger, "/requests/", {"number": one, "code": code}).text.replace(one, "")
            for one, code in ((number, "0" * 26), ("W-2026-9999", "0" * 26), ("W-2026-9998", receipt_code))
        ]
        tokens = re.compile(r'(csrf_token" value=|nonce=)"[^"]+"')
        assert len({tokens.sub("", answer) for answer in answers}) == 1


class TestLists:
    """Public lists and pages."""

    def test_only_public_records_and_fields(self, visitor: FlaskClient, spots: dict[str, int]) -> None:
        """Records that don't fulfil public_if are not listed and have no page; internal fields are nowhere."""
        page = visitor.get("/open/park/spot/").text
        assert "Old oak" in page
        assert "Hidden nook" not in page
        assert "Secret Sam" not in page
        assert visitor.get(f"/open/park/spot/{spots['Hidden nook']}").status_code == 404
        assert "Secret Sam" not in visitor.get(f"/open/park/spot/{spots['Old oak']}").text

    def test_filters(self, visitor: FlaskClient, spots: Any) -> None:
        """A filter of choices and one of text narrow the list; a value that can't be used is said so."""
        page = visitor.get("/open/park/spot/?kind=bench").text
        assert "Long bench" in page
        assert "Old oak" not in page
        assert "Old oak" in visitor.get("/open/park/spot/?name=oak").text
        assert "Nothing fits" in visitor.get("/open/park/spot/?name=nowhere").text
        assert visitor.get("/open/park/spot/?kind=nonsense").status_code == 200

    def test_apply_button_opens_the_form_for_this_record(self, visitor: FlaskClient, spots: dict[str, int]) -> None:
        """The button leads to the form with the record chosen; it is not there when the form is closed."""
        page = visitor.get(f"/open/park/spot/{spots['Old oak']}").text
        link = f"/apply/park/wish/adopt?spot={spots['Old oak']}"
        assert link in page
        assert 'name="subject"' in visitor.get(link).text
        assert "/apply/" not in visitor.get(f"/open/park/spot/{spots['Closed gate']}").text

    def test_type_without_public_list_has_none(self, visitor: FlaskClient, spots: Any) -> None:
        """There is no list of what is not declared public."""
        for address in ("/open/park/wish/", "/open/core/contact/", "/open/no/such/"):
            assert visitor.get(address).status_code == 404


class TestPages:
    """Pages about the site."""

    def test_privacy_page_names_what_every_form_asks(self, visitor: FlaskClient) -> None:
        """The page on data use is made from the forms that are on offer."""
        said = text_of(visitor.get("/privacy"))
        for asked in ("Make a wish", "Something only we should know", "For the town hall", "E-mail (optional)"):
            assert asked in said

    def test_accessibility_statement(self, visitor: FlaskClient) -> None:
        """The statement says how to get help without the site."""
        assert visitor.get("/accessibility").status_code == 200

    def test_unknown_address_is_a_kind_page(self, visitor: FlaskClient) -> None:
        """Nothing here, in the public look, with a way on."""
        page = visitor.get("/nowhere")
        assert page.status_code == 404
        assert "letterhead" in page.text


class TestFiles:
    """Files on the public site."""

    def test_file_opens_only_for_those_who_see_its_record(
        self, visitor: FlaskClient, park: Town, spots: dict[str, int]
    ) -> None:
        """The sender of a wish may open its picture; somebody else who guesses the address may not."""
        costs = begin(visitor, spots["Old oak"])
        data = {"pictures": (io.BytesIO(PNG), "tree.png")}
        contact = send(visitor, costs, data, content_type="multipart/form-data").location
        review = send(visitor, contact).location
        visitor.get(send(visitor, review).location)
        number = park.records.find(STAFF, "park.wish").records[0].number
        found = re.search(r'href="(/files/\d+)"', visitor.get(f"/requests/{number}").text)
        assert found is not None
        opened = visitor.get(found.group(1))
        assert (opened.status_code, opened.data) == (200, PNG)
        assert opened.headers["Content-Disposition"].startswith("attachment")
        opened.close()
        assert create_app(park).test_client().get(found.group(1)).status_code == 404


class TestTwoAtOnce:
    """Two presses of the button at the same moment."""

    def test_only_one_record_is_made(self, visitor: FlaskClient, park: Town, spots: dict[str, int]) -> None:
        """Two requests that send the same form in parallel make one record and lead to one receipt."""
        review = to_review(visitor, spots["Old oak"])
        token = token_of(visitor.get(review))
        cookie = visitor.get_cookie(visitor.application.config["SESSION_COOKIE_NAME"])
        assert cookie is not None
        twin = visitor.application.test_client()
        twin.set_cookie(cookie.decoded_key, cookie.decoded_value)
        barrier = Barrier(2)

        def press(browser: FlaskClient) -> str:
            barrier.wait(120)
            return str(browser.post(review, data={"csrf_token": token}).location)

        with ThreadPoolExecutor(2) as pool:
            receipts = list(pool.map(press, (visitor, twin)))
        assert receipts[0] == receipts[1]
        assert "/receipt" in receipts[0]
        assert park.records.count(STAFF, "park.wish").value == 1


class TestBudget:
    """Pages don't get slower with what is on them."""

    @pytest.mark.parametrize("address", ["/", "/search?q=spot", "/open/park/spot/", "/apply/park/wish/wish"])
    def test_statements_do_not_grow_with_rows(
        self, visitor: FlaskClient, park: Town, spots: dict[str, int], address: str
    ) -> None:
        """A page asks the database as often for twenty rows as for three."""
        asked: list[object] = []
        visitor.get(address)
        park.database.query_hooks.append(lambda *query: asked.append(query))
        assert visitor.get(address).status_code == 200
        few = len(asked)
        for number in range(17):
            park.records.create(STAFF, "park.spot", {"name": f"Spot {number}", "group": "Trees", "kind": "tree"})
        asked.clear()
        assert visitor.get(address).text.count("Spot 1") > 0
        assert len(asked) <= few
        assert few <= 12
