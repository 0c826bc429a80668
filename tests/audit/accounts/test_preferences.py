from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from audit import accounts
from audit.models import Event, UserPreferences
from tests.factories import UserFactory, UserPreferencesFactory


def test_who_has_chosen_nothing_has_the_defaults(db):
    preferences = accounts.get_preferences(UserFactory())

    assert (preferences.has_shortcuts, preferences.density) == (True, "comfortable")
    assert not UserPreferences.objects.exists()


def test_a_choice_is_stored_and_its_event_names_what_changed(db, actor):
    user, other = UserFactory(), UserPreferencesFactory().user

    accounts.save_preferences(
        user, actor=actor, has_shortcuts=False, density="comfortable", language=""
    )

    assert accounts.get_preferences(user).has_shortcuts is False
    assert accounts.get_preferences(other).has_shortcuts is True
    event = Event.objects.get(action="user.changed")
    assert event.object_id == str(user.pk)
    assert event.data == {"fields": ["preferences.has_shortcuts"]}


def test_the_same_choice_again_is_no_change(db, actor):
    user = UserPreferencesFactory(density="compact").user

    accounts.save_preferences(
        user, actor=actor, has_shortcuts=True, density="compact", language=""
    )

    assert not Event.objects.exists()


def test_there_is_no_other_density(db, actor):
    user = UserFactory()

    with pytest.raises(ValidationError):
        accounts.save_preferences(
            user, actor=actor, has_shortcuts=True, density="tiny", language=""
        )

    assert accounts.get_preferences(user).density == "comfortable"
