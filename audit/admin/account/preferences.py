"""The preferences of whoever is signed in: a part of the account page."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.admin.widgets import AdminRadioSelect
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit import accounts
from audit.admin.base import LabelsAbove, actor_of, render_page, user_of
from audit.models import User, UserPreferences
from audit.timezones import check_time_zone


class PreferencesForm(LabelsAbove, forms.ModelForm):
    """What a person chooses; the service writes it."""

    class Meta:
        model = UserPreferences
        fields = ("has_shortcuts", "density", "language", "shows_second_zone")
        widgets = {"density": AdminRadioSelect(attrs={"class": "radiolist"})}
        labels = {
            "has_shortcuts": _("Single-key shortcuts"),
            "shows_second_zone": _("Also show times in my zone"),
        }
        help_texts = {
            "has_shortcuts": _(
                "Off: a single letter never acts, which voice control and unsteady "
                "hands need. Ctrl+S and Esc go on working."
            ),
            "density": _("How close the rows of lists stand."),
            "language": _("Of pages, and of mails about your account."),
            "shows_second_zone": _(
                "Smaller, beside the time of the business, where the two differ. What "
                "you type stays in the zone of the business."
            ),
        }

    time_zone = forms.CharField(
        label=_("My time zone"),
        required=False,
        max_length=64,
        validators=[check_time_zone],
        help_text=_("Like Europe/Oslo. Lists of several businesses are in it."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = cast("forms.ChoiceField", self.fields["language"])
        field.choices = [("", _("As in the browser")), *settings.LANGUAGES]


def preferences_view(request: HttpRequest) -> HttpResponse:
    """Store what a form brings; show the form, or one that is refused."""
    user = user_of(request)
    form = _form_of(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        accounts.save_preferences(user, actor=actor_of(request), **form.cleaned_data)
        browsers = translation.get_language_from_request(request)
        with translation.override(accounts.language_of(user) or browsers):
            messages.success(request, gettext("Your preferences are kept."))
        return HttpResponseRedirect(reverse("admin:account"))
    title = gettext("Preferences")
    return render_page(request, "admin/account/preferences.html", title, form=form)


def preferences_context(request: HttpRequest) -> dict[str, object]:
    """Return what the part of the account page needs."""
    return {"form": _form_of(user_of(request))}


def _form_of(user: User, data: QueryDict | None = None) -> PreferencesForm:
    # Not its instance: a refused form would change what the page itself looks at.
    chosen = accounts.get_preferences(user)
    initial = {**forms.model_to_dict(chosen), "time_zone": user.time_zone}
    return PreferencesForm(data, initial=initial)
