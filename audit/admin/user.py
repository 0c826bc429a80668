"""Staff accounts. Only the platform's owner changes them; each change is an event."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth import admin as auth_admin
from django.contrib.auth import forms as auth_forms
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from audit import accounts
from audit.admin.base import LabelsAbove, ScopedAdmin, actor_of
from audit.admin.step_up import ConfirmedForms, require_step_up
from audit.models import Scope, User
from audit.tenancy.actors import Actor

# What Django says on these pages; its German does not know it, or says it otherwise.
_OF_DJANGO = (
    gettext_noop(
        "After you’ve created a user, you’ll be able to edit more user options."  # noqa: RUF001 - as Django has it
    ),
    gettext_noop("Conflicting form data submitted. Please try again."),
    gettext_noop("Disable password-based authentication"),
    gettext_noop("Disabled"),
    gettext_noop("Enable password-based authentication"),
    gettext_noop(
        "Enable password-based authentication for this user by setting a password."
    ),
    gettext_noop("Enabled"),
    gettext_noop("Password-based authentication"),
    gettext_noop("Password-based authentication was disabled."),
    gettext_noop(
        "Raw passwords are not stored, so there is no way to see the user’s password."  # noqa: RUF001 - as Django has it
    ),
    gettext_noop("Reset password"),
    gettext_noop("Save and add another"),
    gettext_noop("Save and continue editing"),
    gettext_noop("Set password"),
    gettext_noop("Set password: %s"),
    gettext_noop(
        "This action will <strong>enable</strong> password-based authentication for "
        "this user."
    ),
)
# Permissions come with a role in a business, not with a group of all of them.
admin.site.unregister(Group)


class UserForm(LabelsAbove, auth_forms.UserChangeForm):
    class Meta:
        model = User
        fields = (
            "username",
            "password",
            "first_name",
            "last_name",
            "email",
            "time_zone",
            "is_active",
            "is_staff",
            "is_superuser",
        )

    def clean(self) -> dict[str, object] | None:
        cleaned = super().clean()
        flags = ("is_active", "is_staff", "is_superuser")
        is_owner = all(self.cleaned_data.get(name) for name in flags)
        accounts.check_owner_left(self.instance.pk, is_owner=is_owner)
        return cleaned


class NewUserForm(LabelsAbove, auth_forms.UserCreationForm):
    class Meta:
        model = User
        fields = ("username", "email", "is_staff")


class SetPasswordForm(LabelsAbove, auth_forms.AdminPasswordChangeForm):
    """Django's form, in the words of this hub, which knows no other directory."""

    usable_password_help_text = _(  # type: ignore[assignment]  # the stubs know no lazy one
        "Disabled: the password is lost, and nobody signs in with one until a new one "
        "is set here. Passkeys of the account still do."
    )


@admin.register(User)
class UserAdmin(ConfirmedForms, ScopedAdmin, auth_admin.UserAdmin):
    step_up_scope = Scope.MANAGE_ROLES
    form = UserForm
    add_form = NewUserForm
    change_password_form = SetPasswordForm
    list_display = ("username", "email", "is_active", "is_staff", "is_superuser")
    list_filter = ("is_active", "is_staff", "is_superuser")
    search_fields = (
        "username",
        "email_key",
        "email_key__iexact",
        "first_name",
        "last_name",
    )
    ordering = ("username",)
    filter_horizontal = ()
    event_prefix = "account"
    actions = ("reset_second_factor", "clear_locks")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Person"), {"fields": ("first_name", "last_name", "email", "time_zone")}),
        (_("Permissions"), {"fields": ("is_active", "is_staff", "is_superuser")}),
    )
    add_fieldsets = (
        (None, {"fields": ("username", "email", "is_staff")}),
        (None, {"fields": ("password1", "password2")}),
    )

    def get_visible(self, actor: Actor) -> QuerySet[User]:
        return accounts.list_users(actor=actor, permission="audit.view_user")

    def can_see_unmasked(self, request: HttpRequest, instance: object) -> bool:
        is_oneself = instance == request.user
        return is_oneself or super().can_see_unmasked(request, instance)

    def can_see_all_unmasked(self, request: HttpRequest) -> bool:
        # Accounts belong to no business: the owner alone sees all addresses.
        return actor_of(request).owns_platform

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        # A person who may change an account could make it an owner.
        return request.user.is_superuser

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        # An account made here is one of staff.
        return {"is_staff": True} | super().get_changeform_initial_data(request)

    def save_model(
        self, request: HttpRequest, obj: User, form: UserForm, change: bool
    ) -> None:
        accounts.save_user(obj, actor=actor_of(request), fields=form.changed_data)

    def user_change_password(
        self,
        request: HttpRequest,
        id: str,  # noqa: A002 - the route names it
        form_url: str = "",
    ) -> HttpResponse:
        if request.method == "POST" and self._may_write(request, id):
            require_step_up(
                request, Scope.MANAGE_ROLES, what=gettext("Set somebody's password")
            )
        # The password, its entry and the end of the sessions stand or fall together.
        with transaction.atomic():
            return super().user_change_password(request, id, form_url)

    @admin.action(
        description=_("Reset the second factor of selected users"),
        permissions=["change"],
    )
    def reset_second_factor(
        self, request: HttpRequest, queryset: QuerySet[User]
    ) -> None:
        require_step_up(
            request, Scope.MANAGE_ROLES, what=gettext("Reset a second factor")
        )
        actor = actor_of(request)
        done = [accounts.reset_second_factor(user, actor=actor) for user in queryset]
        message = gettext(
            "Accounts whose second factor was removed: %(n)s, with their "
            "authenticators, passkeys and recovery codes. Those people sign in anew, "
            "with the password alone or by setting up another second factor."
        )
        self.message_user(request, message % {"n": sum(done)}, messages.SUCCESS)

    @admin.action(
        description=_("Clear the sign-in locks of selected users"),
        permissions=["change"],
    )
    def clear_locks(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        require_step_up(
            request, Scope.MANAGE_ROLES, what=gettext("Clear sign-in locks")
        )
        for user in queryset:
            accounts.clear_sign_in_locks(user, actor=actor_of(request))
        message = gettext("They can try again at once.")
        self.message_user(request, message, messages.SUCCESS)

    def log_change(self, request: HttpRequest, obj: User, message: object) -> Any:
        # Of the page that sets a password, after it was stored; forms bring a list.
        if not isinstance(message, list):
            accounts.follow_new_password(obj, actor=actor_of(request))
