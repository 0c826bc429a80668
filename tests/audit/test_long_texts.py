"""What lists do with columns of any length: leave them, or show their beginning."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from audit.fields import long_columns, without_long
from audit.privacy.masking import Room, mask_text, shortened
from capture.models import Capture, CaptureLink
from customers.models import Note
from tests.factories import CaptureFactory, NoteFactory

ADDRESS, PHONE = "zelda.quint@hidden-host.example", "+49 170 5550199"
HUGE = "word " * 100_000
# Parts of addresses and numbers, and what stands between them.
PARTS = st.sampled_from(
    [
        ADDRESS,
        PHONE,
        "0049 (170) 555-0199",
        "Ana",
        " ",
        "\n",
        "<",
        ";",
        ".",
        "7",
        "@",
        ",",
    ]
)


@given(st.lists(PARTS, min_size=1, max_size=30), st.integers(0, 60))
def test_a_beginning_tells_no_part_of_what_is_masked(parts, room):
    filled = "x y " * 250
    text = filled[: 1000 - room] + "".join(parts) + " end" * 300

    shown = mask_text(shortened(text)).removesuffix("…").removesuffix("@ ")

    # A mask is longer than the shortest addresses.
    assert len(shown) <= 1000 + 2 * len(parts)
    assert mask_text(text).startswith(shown)


def test_what_stands_at_the_end_does_not_become_an_address():
    text = "x y " * 249 + "x@" + " end" * 300

    assert mask_text(shortened(text)) == "x y " * 249 + "x@ …"


@pytest.mark.parametrize("at", range(len(ADDRESS)))
def test_an_address_at_the_end_is_left_out_or_masked(at):
    text = "x " * 500
    text = f"{text[: 1000 - at]} {ADDRESS} {text}"

    assert "zelda" not in mask_text(shortened(text))


def test_one_long_word_has_no_beginning():
    assert shortened("a" * 1001) == "…"
    assert shortened("7" * 1001) == "…"
    assert shortened("a" * 1000) == "a" * 1000


def test_a_list_has_room_for_some_long_values():
    room = Room(6000)

    assert room.fitted("word " * 1000) == "word " * 1000
    assert room.fitted("word " * 1000).endswith("word…")
    assert room.fitted("short") == "short"
    assert room.fitted({"a": ["x" * 900] * 2}) is None
    assert room.fitted([1, 2]) == [1, 2]
    assert room.fitted(None) is None


def test_long_columns_are_not_read(db):
    CaptureFactory()
    assert {"payload", "raw", "facts", "warnings"} <= long_columns(Capture)

    with CaptureQueriesContext(connection) as asked:
        [row] = without_long(Capture.objects.all(), columns=["facts"])
        [link] = without_long(CaptureLink.objects.select_related("capture__source"))
        assert row.facts == {}
        assert link.capture.source.slug

    assert len(asked) == 2
    assert not any("payload" in query["sql"] for query in asked.captured_queries)
    assert row.payload


@pytest.mark.parametrize(
    "path", ["/admin/capture/capture/", "/admin/capture/capturelink/"]
)
def test_a_page_of_captures_reads_no_payload(owner, path):
    CaptureFactory()
    owner.get(path)

    with CaptureQueriesContext(connection) as asked:
        assert owner.get(path).status_code == 200

    assert not any("payload" in query["sql"] for query in asked.captured_queries)


def test_fields_decide_what_is_read(owner):
    NoteFactory(content="secret recipe")

    with CaptureQueriesContext(connection) as asked:
        answer = owner.get("/api/v1/notes?fields=id,note_type")

    assert answer.status_code == 200
    assert not any('."content"' in query["sql"] for query in asked.captured_queries)
    assert "secret" in owner.get("/api/v1/notes?fields=id,content").text


class TestNotes:
    @pytest.fixture
    def note(self, bakery) -> Note:
        row: Note = NoteFactory(customer__business=bakery)
        for _ in range(4):
            row = NoteFactory(customer=row.customer, content=HUGE)
        return row

    def test_the_beginning_of_what_is_too_much(self, alice, note):
        found = alice.get("/api/v1/notes").json()["results"]

        lengths = sorted(len(row["content"]) for row in found)
        assert sum(lengths) < 1_600_000
        assert lengths[-2:] == [500_000] * 2
        cut = [row["content"] for row in found if row["content"].endswith("word…")]
        assert len(cut) == 2
        whole = alice.get(f"/api/v1/notes/{note.pk}").json()
        assert whole["content"] == HUGE

    def test_sending_a_beginning_back_changes_nothing(self, alice, note):
        path = f"/api/v1/notes/{note.pk}"
        change = {"content": shortened(HUGE), "is_pinned": True}

        answer = alice.patch(path, change, "application/json")

        assert answer.status_code == 200, answer.text
        note.refresh_from_db()
        assert (note.content, note.is_pinned) == (HUGE, True)

    def test_a_story_and_a_history_show_beginnings(self, alice, note):
        path = f"/api/v1/customers/{note.customer_id}/timeline"
        told = alice.get(path).text
        past = alice.get(f"/admin/customers/note/{note.pk}/history/").text
        [version] = note.history.values_list("history_id", flat=True)
        then = alice.get(f"/admin/customers/note/{note.pk}/history/{version}/").text

        assert "word…" in told
        assert len(told) < 20_000
        assert "word…" in past
        assert len(past) < 40_000
        assert HUGE.strip() in then


def test_a_row_that_was_read_in_parts_is_saved_whole(owner, actor):
    note = NoteFactory(content="kept")
    [row] = without_long(Note.objects.filter(pk=note.pk))
    row.is_pinned = True
    row.as_actor(actor).save()

    note.refresh_from_db()
    assert (note.content, note.is_pinned) == ("kept", True)
    assert note.history.first().content == "kept"
