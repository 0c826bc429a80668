"""Whoever reads or writes the table of sessions is nobody else by it."""

from __future__ import annotations

from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client

from audit.accounts.session_store import SessionStore, stored_key

PAGE = "/admin/password_change/"


def browser_with(key: str) -> Client:
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = key
    return client


def test_the_table_holds_no_key_that_opens_a_session(alice):
    key = alice.session.session_key
    row = Session.objects.get()

    assert row.session_key == stored_key(key) != key
    assert key not in row.session_data
    assert browser_with(key).get(PAGE).status_code == 200
    assert browser_with(row.session_key).get(PAGE).status_code == 302


def test_a_row_that_is_copied_under_a_key_of_ones_own_is_empty(alice):
    own = Client()
    own.get("/admin/login/")
    store = SessionStore()
    store.create()
    data = Session.objects.exclude(pk=stored_key(store.session_key)).get()
    copied = Session.objects.filter(pk=stored_key(store.session_key))
    copied.update(session_data=data.session_data)

    assert browser_with(alice.session.session_key).get(PAGE).status_code == 200
    assert browser_with(store.session_key).get(PAGE).status_code == 302
    assert dict(SessionStore(store.session_key).items()) == {}


def test_data_of_another_user_under_the_own_key_are_refused(alice, bob):
    keys = [client.session.session_key for client in (alice, bob)]
    theirs = Session.objects.get(pk=stored_key(keys[0])).session_data
    Session.objects.filter(pk=stored_key(keys[1])).update(session_data=theirs)

    assert bob.get(PAGE).status_code == 302


def test_a_session_is_found_changed_rotated_and_deleted_by_its_key(db):
    store = SessionStore()
    store["colour"] = "red"
    store.create()
    first = store.session_key
    store["colour"] = "blue"
    store.save()
    assert SessionStore(first)["colour"] == "blue"
    assert store.exists(first)
    assert not store.exists(stored_key(first))

    store.cycle_key()
    store.save()
    assert not store.exists(first)
    assert SessionStore(store.session_key)["colour"] == "blue"

    store.flush()
    assert not Session.objects.exists()
    store.delete()
    store.delete(first)


def test_asynchronous_views_find_the_same_session(db):
    async def use() -> str:
        store = SessionStore()
        await store.aset("colour", "red")
        await store.asave()
        again = SessionStore(store.session_key)
        assert await again.aget("colour") == "red"
        assert await again.aexists(again.session_key)
        await again.acycle_key()
        await again.asave()
        return str(again.session_key)

    key = async_to_sync(use)()
    assert SessionStore(key)["colour"] == "red"
    assert [row.pk for row in Session.objects.all()] == [stored_key(key)]
    async_to_sync(SessionStore(key).adelete)(key)
    assert not Session.objects.exists()
