"""Staff accounts. Only the platform's owner changes them; each change is an event."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth import admin as auth_admin
from django.contrib.auth import forms as auth_forms
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest

from audit import services
from audit.actors import Actor
from audit.admin.base import ScopedAdmin, actor_of
from audit.admin.step_up import ConfirmedForms, confirmed
from audit.models import Scope, User

# Rights come with a role in a business, not with a group of all of them.
admin.site.unregister(Group)


class UserForm(auth_forms.UserChangeForm):
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
            "user_permissions",
        )


class NewUserForm(auth_forms.AdminUserCreationForm):
    class Meta:
        model = User
        fields = ("username", "email")


@admin.register(User)
class UserAdmin(ConfirmedForms, ScopedAdmin, auth_admin.UserAdmin):
    step_up_scope = Scope.MANAGE_ROLES
    form = UserForm
    add_form = NewUserForm
    list_display = ("username", "email", "is_active", "is_staff", "is_superuser")
    list_filter = ("is_active", "is_staff", "is_superuser")
    search_fields = ("username", "email_key", "first_name", "last_name")
    ordering = ("username",)
    filter_horizontal = ("user_permissions",)
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email", "time_zone")}),
        (
            "Rights",
            {"fields": ("is_active", "is_staff", "is_superuser", "user_permissions")},
        ),
    )
    add_fieldsets = (
        (None, {"fields": ("username", "email", "usable_password")}),
        (None, {"fields": ("password1", "password2")}),
    )

    def get_rows(self, actor: Actor) -> QuerySet[User]:
        return services.list_users(actor=actor)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Whoever may change an account could make it an owner.
        return bool(request.user.is_superuser)

    def user_change_password(
        self,
        request: HttpRequest,
        id: str,  # noqa: A002 - Django's signature
        form_url: str = "",
    ) -> Any:
        if request.method == "POST" and self._may_write(request, id):
            confirmed(request, Scope.MANAGE_ROLES, what="Set somebody's password")
        return super().user_change_password(request, id, form_url)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        services.record("user.created", obj, actor=actor_of(request))

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        services.record(
            "user.changed",
            obj,
            actor=actor_of(request),
            data={"fields": _changed(message)},
        )


def _changed(message: Any) -> list[str]:
    """Return the names of the changed columns; never a value."""
    if not isinstance(message, list):
        return ["password"]
    return [str(name) for part in message for name in _names(part)]


def _names(part: Any) -> list[str]:
    changed = part.get("changed") if isinstance(part, dict) else None
    return list((changed or {}).get("fields", []))
