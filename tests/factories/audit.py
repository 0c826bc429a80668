"""Staff accounts for tests."""

from __future__ import annotations

from typing import Any

import factory

from audit.models import User


class UserFactory(factory.django.DjangoModelFactory):
    """A member of staff who may enter the admin."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"user{n}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.org")
    is_staff = True

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Any:
        return model_class.objects.create_user(*args, **kwargs)
