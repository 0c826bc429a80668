"""Passwords that everybody tries first here: names of product, site and person."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from audit.models import User

_SHORTEST = 4
# Of a user name: a shorter one stands in many words.
_SHORTEST_NAME = 3


class SiteWordsValidator:
    """Refuses passwords that hold `holdfast`, or a part of a name of this site."""

    def validate(self, password: str, user: object = None) -> None:
        """Raise ValidationError `password_of_the_site`."""
        hosts = ".".join(settings.ALLOWED_HOSTS).lower().split(".")
        words = {"holdfast", *(part for part in hosts if len(part) >= _SHORTEST)}
        if any(word in password.lower() for word in words):
            raise ValidationError(self.get_help_text(), code="password_of_the_site")

    def get_help_text(self) -> str:
        """Return the rule in a sentence."""
        return _("Your password may not hold the name of this site or of Holdfast.")


class UserNameValidator:
    """Refuses passwords that hold the user name, however long the rest of them is."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Raise ValidationError `password_with_name`."""
        # Django's form leaves None where it refuses a name that is taken.
        name = (user.get_username() or "").lower() if user is not None else ""
        if len(name) >= _SHORTEST_NAME and name in password.lower():
            raise ValidationError(self.get_help_text(), code="password_with_name")

    def get_help_text(self) -> str:
        """Return the rule in a sentence."""
        return _("Your password may not hold your user name.")
