"""Making keys: what would never work is refused while it can be mended."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from capture import services


def make(source, actor, **facts):
    return services.create_key(source, actor=actor, **{"kind": "secret", **facts})[0]


def test_origins_are_kept_as_browsers_send_them(source, actor):
    key = make(
        source,
        actor,
        kind="publishable",
        origins=["https://Shop.Example.com/", "http://localhost:5173", "http://[::1]"],
    )

    assert key.origins == [
        "https://shop.example.com",
        "http://localhost:5173",
        "http://[::1]",
    ]


@pytest.mark.parametrize(
    "origins",
    [["shop.example.com"], ["https://shop.example.com/shop"], ["*"], ["null"], "x", 5],
)
def test_an_origin_that_no_browser_sends_is_refused(source, actor, origins):
    with pytest.raises(ValidationError, match="without a path"):
        make(source, actor, kind="publishable", origins=origins)


def test_a_page_key_without_a_page_is_refused(source, actor):
    with pytest.raises(ValidationError, match="Name one"):
        make(source, actor, kind="publishable")


@pytest.mark.parametrize("scopes", [["everything"], "write", 5, {"write": 1}, [["x"]]])
def test_an_unknown_scope_is_refused(source, actor, scopes):
    with pytest.raises(ValidationError, match="Write a list of write"):
        make(source, actor, scopes=scopes)


def test_a_source_is_found_by_its_name(bakery, actor):
    made = services.get_or_create_source(bakery, "Web Shop", actor=actor)

    assert (made.slug, made.name) == ("web-shop", "Web Shop")
    assert services.get_or_create_source(bakery, "web-shop", actor=actor) == made
