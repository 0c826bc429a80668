"""A sign-in that is locked: the entry, and mails to its person and to the owners."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.db import transaction
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from audit.accounts.devices import invitation
from audit.accounts.login_attempts import reserve
from audit.accounts.mails import Mail, send_apart
from audit.emails import fold_username
from audit.log.recording import record
from audit.models import Outcome, User
from audit.tenancy.actors import Actor, OperationContext

# Where a browser becomes known, for the code of a mail.
Welcome = Callable[[str], str]

# Mails of one account and kind of lock; and those to owners, of all accounts.
_WINDOW = timedelta(hours=1)
_MOST = 20
_TEXTS = {
    "account": _(
        "Too many wrong passwords were given for your account. From where they came, "
        "and if they came from many places from every browser that you have not used "
        "before, nobody signs in to it for a while, an hour at most. Browsers that you "
        "have signed in from go on."
    ),
    "device": _(
        "Too many wrong passwords were given for your account in a browser that you "
        "have signed in from before. It has to wait, an hour at most."
    ),
    "second_factor": _(
        "Too many wrong codes were given for your account, after the right password. "
        "Nobody signs in to it with a code for a while, an hour at most. If it was not "
        "you, somebody knows your password: change it now."
    ),
}
_WELCOME = _(
    "To sign in from a new browser meanwhile, open this in it, and then sign in as "
    "always. It works for two hours, and opens nothing without your password:"
)
_NOTICE = _(
    "The sign-in of {name} is locked after too many wrong tries ({kind}). The trail "
    "says from where: auth.locked and auth.failed."
)
_LAST_NOTICE = _("There are many: you get no more of these mails within the hour.")


def record_lock(
    kind: str,
    username: str | None,
    account: str,
    operation: OperationContext,
    *,
    welcome: Welcome | None = None,
) -> None:
    """Record that a sign-in is locked, and send mails to its person and the owners.

    `kind` is account, device, second_factor, or network; without a user name it is
    nobody's. Costs the same for unknown names: mails leave in a thread. One
    mail an hour for each account and kind, however many addresses somebody guesses
    from. Call it outside of any transaction.
    """
    user, mails = None, []
    if username is not None and kind in _TEXTS:
        user = _person(username)
        if reserve(f"alarm:{account}:{kind}", 1, _WINDOW).is_allowed:
            mails = _mails(kind, user, account, welcome)
    with transaction.atomic():
        record(
            "auth.locked",
            user,
            actor=Actor(kind="anonymous", operation=operation),
            outcome=Outcome.REFUSED,
            code=kind,
            data={"account": account},
        )
        send_apart(mails)


def _person(username: str) -> User | None:
    # Tries of a name in other letters count for the same account.
    if "\0" in username:
        return None
    # With their languages: a name that is known must not cost one query more.
    users = User.objects.select_related("preferences")
    users = users.filter(username__iexact=fold_username(username), is_active=True)
    return next((user for user in users if user.is_genuine), None)


def _mails(
    kind: str, user: User | None, account: str, welcome: Welcome | None
) -> list[Mail]:
    # Unknown names use up no mail of the owners, and cost the same.
    room = reserve("alarm" if user else "alarm:nobody", _MOST, _WINDOW)
    owners = User.objects.select_related("preferences")
    owners = owners.filter(is_superuser=True, is_active=True)
    genuine = [owner for owner in owners if owner.is_genuine]
    if user is None:
        return []
    text = _TEXTS[kind]
    if welcome is not None and kind != "second_factor":
        url = welcome(invitation(account))
        text = format_lazy("{}\n\n{}\n\n{}", text, _WELCOME, url)
    mails = [Mail(user, _("Your sign-in is locked"), text)]
    if room.is_allowed:
        notice = format_lazy(_NOTICE, name=user.get_username(), kind=kind)
        if room.is_last:
            notice = format_lazy("{} {}", notice, _LAST_NOTICE)
        subject = _("A sign-in is locked")
        mails += [Mail(one, subject, notice) for one in genuine if one.pk != user.pk]
    return mails
