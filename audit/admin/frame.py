"""What the frame of every page shows; looked up by whichever template draws it."""

from __future__ import annotations

from functools import partial

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from audit import accounts
from audit.admin.base import Context, user_of
from audit.admin.keyboard import shortcuts_of
from audit.admin.step_up import state_of
from audit.models import UserPreferences


def frame_context(request: HttpRequest) -> Context:
    """Return what every page of the admin is given for its frame."""
    return {
        "environment": settings.ENVIRONMENT,
        "step_up": SimpleLazyObject(partial(state_of, request)),
        "preferences": SimpleLazyObject(partial(_preferences_of, request)),
        "shortcuts": SimpleLazyObject(partial(shortcuts_of, request)),
    }


def _preferences_of(request: HttpRequest) -> UserPreferences:
    if not request.user.is_authenticated:
        return UserPreferences()
    return accounts.get_preferences(user_of(request))
