"""Django's createsuperuser, but the account is made as the hub makes them: an event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.contrib.auth.management.commands import createsuperuser

from audit import accounts
from audit.tenancy.actors import Actor

if TYPE_CHECKING:
    from audit.models import User


class _Accounts:
    """The user model as Django's command asks it; the service makes the account.

    The command has no other place for this than the manager of its model.
    """

    def __init__(self) -> None:
        self._default_manager = self

    def __call__(self, **values: object) -> User:
        return get_user_model()(**values)

    def __getattr__(self, name: str) -> object:
        return getattr(get_user_model(), name)

    def db_manager(self, _using: str) -> _Accounts:
        return self

    def get_by_natural_key(self, username: str) -> User:
        return get_user_model()._default_manager.get_by_natural_key(username)

    def create_superuser(self, *, password: str | None, **values: object) -> User:
        user = self(**values, is_staff=True, is_superuser=True)
        user.set_password(password)
        user.clean()
        return accounts.save_user(user, actor=Actor.system("createsuperuser"))


class Command(createsuperuser.Command):
    help = "Make the account of an owner of the platform."

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.UserModel: Any = _Accounts()
