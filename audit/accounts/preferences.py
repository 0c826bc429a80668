"""What a person has chosen about the admin: shortcuts, density, language, zone."""

from __future__ import annotations

from django.db import transaction

from audit.log.recording import record
from audit.models import User, UserPreferences
from audit.tenancy.actors import Actor
from audit.timezones import check_time_zone


def get_preferences(user: User) -> UserPreferences:
    """Return what a person has chosen, or the defaults; one query for each `user`."""
    try:
        return user.preferences
    except UserPreferences.DoesNotExist:
        # Which `user` keeps, so that nobody asks again.
        return UserPreferences(user=user)


def language_of(user: User) -> str:
    """Return the code of the language that a person has chosen; empty if none."""
    return get_preferences(user).language


@transaction.atomic
def save_preferences(
    user: User,
    *,
    actor: Actor,
    has_shortcuts: bool,
    density: str,
    language: str,
    shows_second_zone: bool = False,
    time_zone: str = "",
) -> UserPreferences:
    """Store what a person has chosen; an event names what has changed.

    Without a time zone that of the account stays. Raises ValidationError for a density,
    language or time zone that there is not.
    """
    UserPreferences.objects.get_or_create(user=user)
    preferences = UserPreferences.objects.select_for_update().get(user=user)
    values = {
        "has_shortcuts": has_shortcuts,
        "density": density,
        "language": language,
        "shows_second_zone": shows_second_zone,
    }
    changed = [n for n, value in values.items() if getattr(preferences, n) != value]
    for name in changed:
        setattr(preferences, name, values[name])
    preferences.clean_fields()
    preferences.user = user
    fields = [f"preferences.{name}" for name in sorted(changed)]
    if changed:
        preferences.save(update_fields=changed)
    if time_zone and time_zone != user.time_zone:
        check_time_zone(time_zone)
        user.time_zone = time_zone
        user.save(update_fields=["time_zone"])
        fields.append("time_zone")
    if fields:
        record("user.changed", user, actor=actor, data={"fields": fields})
    return preferences
