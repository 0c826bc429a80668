"""One row of any model: for tests that walk all of them."""

from __future__ import annotations

from typing import Any

from django.db import models
from factory.django import DjangoModelFactory

import tests.factories
from audit.actors import Actor
from audit.models import Event, Operation
from audit.services import record
from capture.models import CaptureLink, Login, Signup
from customers.models import CustomerStats


def factory_of(model: type[models.Model]) -> type[DjangoModelFactory[Any]] | None:
    """Return the factory that makes rows of a model."""
    for name in tests.factories.__all__:
        factory = getattr(tests.factories, name)
        if factory._meta.model is model:
            return factory
    return None


def make_row(model: type[models.Model]) -> models.Model:
    """Return a stored row of the model, made the way the product makes it."""
    followed: Any = getattr(model, "instance_type", None)
    if followed is not None:
        make_row(followed)
    elif model in (Event, Operation):
        record("test.done", actor=Actor.system("rows"), reason="because")
    elif model is CustomerStats:
        tests.factories.CustomerFactory()
    elif model in (CaptureLink, Signup):
        tests.factories.CaptureFactory()
    elif model is Login:
        tests.factories.CaptureFactory(type="login")
    else:
        factory = factory_of(model)
        assert factory, f"{model._meta.label} has no factory in tests/factories/."
        return factory()
    row = model._base_manager.first()
    assert row is not None
    return row
