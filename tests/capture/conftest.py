"""A source of the bakery, a secret key of it, and a way to post."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from tests.factories import ApiKeyFactory, SourceFactory


@pytest.fixture
def source(bakery):
    return SourceFactory(business=bakery, slug="shop")


@pytest.fixture
def key(source):
    return ApiKeyFactory(source=source)


@pytest.fixture
def post(key) -> Callable[..., HttpResponse]:
    """Post JSON, or bytes as they are, to a path with the key of the bakery."""

    def send(path: str, body: Any, **headers: str) -> HttpResponse:
        options = {"Authorization": f"Bearer {key.prefix}"} | headers
        return Client().post(
            path, body, content_type="application/json", headers=options
        )

    return send


@pytest.fixture(autouse=True)
def nothing_falls_back(request, caplog):
    """Fail a test in which the pipeline had to save what its projection could not."""
    yield
    if "projection_may_fail" in request.fixturenames:
        return
    fallen = [
        record
        for record in caplog.get_records("call")
        if record.name == "capture.ingest.pipeline" and record.levelno >= logging.ERROR
    ]
    assert not fallen, fallen[0].exc_text or fallen[0].getMessage()


@pytest.fixture
def projection_may_fail():
    """Say that a test is about failing projections."""
