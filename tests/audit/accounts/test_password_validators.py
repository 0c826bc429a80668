"""What a password may be: anything long that nobody tries first, to the letter."""

from __future__ import annotations

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client

from tests.factories import UserFactory


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("seven77", "password_too_short"),
        ("iloveyou", "password_too_common"),
        ("1029384756102", "password_entirely_numeric"),
        ("ann.baker.1", "password_too_similar"),
        ("my-HoldFast-1", "password_of_the_site"),
        ("come in, hub.example!", "password_of_the_site"),
    ],
)
def test_what_is_tried_first_is_refused(settings, password, code):
    settings.ALLOWED_HOSTS = ["hub.example.com", "localhost"]

    with pytest.raises(ValidationError) as refused:
        validate_password(password, UserFactory.build(username="ann.baker"))

    assert code in {error.code for error in refused.value.error_list}


@pytest.mark.parametrize(
    ("username", "password"),
    [("sam", "samsamsam"), ("olga", "Olga-Kestrel-41"), ("OLGA", "x-olga-kestrel")],
)
def test_the_own_user_name_is_no_part_of_a_password(username, password):
    user = UserFactory.build(username=username)

    with pytest.raises(ValidationError, match="may not hold your user name"):
        validate_password(password, user)
    validate_password("long enough, kestrel", user)
    validate_password(password, UserFactory.build(username="sa"))


@pytest.mark.parametrize(
    "password",
    ["all small letters", "ÄÖÜ ñ 漢字 🔑 ünd", " blanks at both ends ", "x1" * 64],
)
def test_any_signs_are_taken_to_the_letter(db, password):
    validate_password(password)
    UserFactory(username="ann", password=password)

    def sign_in(text: str) -> int:
        data = {"username": "ann", "password": text}
        return Client().post("/admin/login/", data).status_code

    assert sign_in(password) == 302
    for other in (password[:-1], password.swapcase(), password + " "):
        assert sign_in(other) == 200


def test_nothing_stops_pasting_and_the_field_hides_what_is_typed(db):
    page = Client().get("/admin/login/").content.decode()

    assert 'type="password"' in page
    assert 'autocomplete="current-password"' in page
    assert "onpaste" not in page
