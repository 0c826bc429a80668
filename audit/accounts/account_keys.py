"""Computing the e-mail keys of accounts anew, after their rule has changed."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import transaction

from audit.emails import fold_email
from audit.models import User


def refill_account_keys(*, repair: bool) -> Iterator[tuple[User, User | None]]:
    """Yield every account whose key is stale; with `repair`, write it.

    With it comes the account that has the key already, or None: then nothing is
    written, and somebody has to say whose address it is. Accounts are few.
    """
    for user in User.objects.order_by("pk").iterator():
        key = fold_email(str(user.email))
        if key == user.email_key:
            continue
        holder = User.objects.filter(email_key=key).exclude(pk=user.pk).first()
        if repair and holder is None:
            with transaction.atomic():
                # Signed columns stay, so nothing has to be signed anew.
                User.objects.filter(pk=user.pk, email=user.email).update(email_key=key)
        yield user, holder
