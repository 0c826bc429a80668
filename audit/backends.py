"""The one permission function: whether a person may do something, and where."""

from __future__ import annotations

import logging

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser
from django.db.models import Model

from audit.models import User
from audit.privacy.classes import business_of
from audit.tenancy.actors import permissions_of

logger = logging.getLogger(__name__)


class RoleBackend(ModelBackend):
    """Answers from the roles that a person has in businesses, and from nothing else.

    `has_perm(name)` says whether there is a business at all where the person may do
    it, which opens a page; its rows are those of such businesses. `has_perm(name, row)`
    asks about the business of the row. While the admin is narrowed to one business
    there is only that one. Permissions given to an account or a group directly do not
    count. Superusers may do everything, as Django has it.
    """

    def get_user(self, user_id: object) -> User | None:
        """Return the user of a session, unless the account was changed past the hub."""
        # Each page asks for the preferences, at least for the language.
        users = User.objects.select_related("preferences")
        user = users.filter(pk=user_id).first()
        if user is None or not self.user_can_authenticate(user):
            return None
        if user.is_genuine:
            return user
        logger.error("Account %s was changed past the hub, and is not let in.", user_id)
        return None

    def get_all_permissions(
        self, user_obj: User | AnonymousUser, obj: Model | None = None
    ) -> set[str]:
        if user_obj.is_anonymous or not user_obj.is_active:
            return set()
        permissions = permissions_of(user_obj)
        if user_obj.acts_in is not None:
            here = user_obj.acts_in
            permissions = {here: permissions.get(here, frozenset())}
        if obj is None:
            return set().union(*permissions.values())
        business_id = business_of(obj)
        return set(permissions.get(business_id, ())) if business_id else set()

    def has_perm(
        self, user_obj: User | AnonymousUser, perm: str, obj: Model | None = None
    ) -> bool:
        return perm in self.get_all_permissions(user_obj, obj)

    def has_module_perms(self, user_obj: User | AnonymousUser, app_label: str) -> bool:
        names = self.get_all_permissions(user_obj)
        return any(name.startswith(f"{app_label}.") for name in names)
