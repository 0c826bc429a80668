"""`/api/v1/me`: who asks, where they work, and what they have confirmed."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit import accounts
from audit.api.step_up import binding_of
from audit.rest.views import ActionSpec, StaffView
from customers import services
from customers.api.serializers.me import MeSerializer


class IsSignedIn(BasePermission):
    """Allows every active user who is signed in, also without a role."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if request.method not in view.allowed_methods:
            return True  # 405 follows
        user = request.user
        return bool(user.is_authenticated and user.is_active)


class MeView(StaffView):
    """The account of the caller."""

    tag = "Account"
    permission_classes = (IsSignedIn,)
    action_specs: ClassVar = {"get": ActionSpec("", MeSerializer)}

    def get(self, request: Request) -> Response:
        """Show who is signed in, where they work, and what is confirmed here."""
        user: Any = request.user
        workplaces = services.list_workplaces(actor=self.actor)
        return self.respond(
            {
                "user": user,
                "has_second_factor": accounts.has_second_factor(user),
                "step_up": accounts.step_up_state(user, binding=binding_of(request)),
                "default_business": _default_business_id(workplaces),
                "businesses": workplaces,
            }
        )


def _default_business_id(workplaces: list[services.Workplace]) -> UUID | None:
    """Return the business of a request that names none; None if it has to name one."""
    chosen = [place for place in workplaces if place.is_default] or workplaces
    return chosen[0].business.pk if len(chosen) == 1 else None
