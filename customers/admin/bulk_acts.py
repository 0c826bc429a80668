"""What can be done to many customers of the list at once."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, ngettext, pgettext
from django.utils.translation import gettext_lazy as _

from audit.admin.base import LabelsAbove
from audit.admin.bulk import BulkAct, BulkActs
from audit.admin.display import count_text
from audit.admin.once import repeatable
from audit.tenancy.actors import Actor
from customers import services
from customers.choices import CustomerStatus, CustomerType
from customers.models import Customer

_Customers = QuerySet[Customer]
_Answer = HttpResponse | None


class StatusForm(LabelsAbove, forms.Form):
    """Asks for a status."""

    status = forms.ChoiceField(label=_("Status"), choices=CustomerStatus.choices)


class TypeForm(LabelsAbove, forms.Form):
    """Asks for a type, or none."""

    customer_type = forms.ChoiceField(
        label=_("Type"),
        required=False,
        choices=[*CustomerType.choices, ("", _("No type"))],
    )


class FlagForm(LabelsAbove, forms.Form):
    """Asks for the code of a flag."""

    flag = forms.CharField(
        label=_("Flag"),
        max_length=50,
        help_text=_(
            "verified, restricted, or a code of the business: letters, digits, - and _."
        ),
    )

    def clean_flag(self) -> str:
        """Return the code as it is stored."""
        flag = str(self.cleaned_data["flag"]).lower()
        try:
            services.check_flag_code(flag)
        except ValidationError as error:
            raise ValidationError(error.messages) from error
        return flag


def _with_number(sentence: str, count: int, **values: object) -> str:
    return sentence % {"number": count_text(count), **values}


def _archive(ids: list[UUID], actor: Actor, reason: str) -> str:
    done = len(services.archive_customers(ids, actor=actor, reason=reason))
    sentence = ngettext(
        "Archived %(number)s customer.", "Archived %(number)s customers.", done
    )
    return _with_number(sentence, done)


def _restore(ids: list[UUID], actor: Actor, reason: str) -> str:
    done = len(services.restore_customers(ids, actor=actor, reason=reason))
    sentence = ngettext(
        "Restored %(number)s customer.", "Restored %(number)s customers.", done
    )
    return _with_number(sentence, done)


def _set_status(ids: list[UUID], actor: Actor, reason: str, *, status: str) -> str:
    done = services.set_status_batch(ids, actor=actor, reason=reason, status=status)
    sentence = ngettext(
        "Set status to %(status)s for %(number)s customer.",
        "Set status to %(status)s for %(number)s customers.",
        done,
    )
    return _with_number(sentence, done, status=CustomerStatus(status).label)


def _set_type(ids: list[UUID], actor: Actor, reason: str, *, customer_type: str) -> str:
    done = services.set_type_batch(
        ids, actor=actor, reason=reason, customer_type=customer_type
    )
    sentence = ngettext(
        "Set type to %(type)s for %(number)s customer.",
        "Set type to %(type)s for %(number)s customers.",
        done,
    )
    return _with_number(sentence, done, type=_type_words(customer_type))


def _add_flag(ids: list[UUID], actor: Actor, reason: str, *, flag: str) -> str:
    done = services.add_flag_batch(ids, actor=actor, reason=reason, code=flag)
    sentence = ngettext(
        "Added flag %(flag)s for %(number)s customer.",
        "Added flag %(flag)s for %(number)s customers.",
        done,
    )
    return _with_number(sentence, done, flag=flag)


def _remove_flag(ids: list[UUID], actor: Actor, reason: str, *, flag: str) -> str:
    done = services.remove_flag_batch(ids, actor=actor, reason=reason, code=flag)
    sentence = ngettext(
        "Removed flag %(flag)s for %(number)s customer.",
        "Removed flag %(flag)s for %(number)s customers.",
        done,
    )
    return _with_number(sentence, done, flag=flag)


def _type_words(customer_type: str) -> str:
    if not customer_type:
        return pgettext("type", "none")
    return str(CustomerType(customer_type).label)


def _to_status(status: str) -> str:
    return gettext("to %(value)s") % {"value": CustomerStatus(status).label}


def _to_type(customer_type: str) -> str:
    return gettext("to %(value)s") % {"value": _type_words(customer_type)}


def _check(permission: str) -> Callable[[_Customers, Actor], None]:
    def check(customers: _Customers, actor: Actor) -> None:
        services.check_many(customers, actor=actor, permission=permission)

    return check


_BACK = _("Nothing is deleted; both acts can be taken back.")
_HISTORY = _("What was before stands in the history of each.")
ARCHIVE = BulkAct(
    _("archive"),
    _check(services.ARCHIVE),
    _archive,
    "customers.tasks.archive_customers",
    _BACK,
    find_skipped=services.skipped_by_archiving,
)
RESTORE = BulkAct(
    _("restore"),
    _check(services.ARCHIVE),
    _restore,
    "customers.tasks.restore_customers",
    _BACK,
    find_skipped=services.skipped_by_restoring,
)
SET_STATUS = BulkAct(
    _("set status"),
    _check(services.CHANGE),
    _set_status,
    "customers.tasks.set_status",
    _HISTORY,
    form=StatusForm,
    find_skipped=services.skipped_by_status,
    name_value=_to_status,
)
SET_TYPE = BulkAct(
    _("set type"),
    _check(services.CHANGE),
    _set_type,
    "customers.tasks.set_type",
    _HISTORY,
    form=TypeForm,
    find_skipped=services.skipped_by_type,
    name_value=_to_type,
)
ADD_FLAG = BulkAct(
    _("add flag"),
    _check(services.ADD_FLAG),
    _add_flag,
    "customers.tasks.add_flag",
    _("Flags are shown on the page of a customer and in the list."),
    form=FlagForm,
    find_skipped=services.skipped_by_flag,
    name_value=lambda flag: flag,
)
REMOVE_FLAG = BulkAct(
    _("remove flag"),
    _check(services.CHANGE_FLAG),
    _remove_flag,
    "customers.tasks.remove_flag",
    _HISTORY,
    form=FlagForm,
    find_skipped=services.skipped_without_flag,
    name_value=lambda flag: flag,
)


class CustomerBulkActs(BulkActs):
    """Adds the acts to the list of customers."""

    actions = (
        "archive",
        "restore",
        "set_status",
        "set_type",
        "add_flag",
        "remove_flag",
    )

    def has_archive_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(services.ARCHIVE)

    def has_add_flag_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(services.ADD_FLAG)

    def has_change_flag_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(services.CHANGE_FLAG)

    @admin.action(description=_("Archive…"), permissions=["archive"])
    @repeatable
    def archive(self, request: HttpRequest, queryset: _Customers) -> _Answer:
        return self.act_on_many(request, queryset, ARCHIVE)

    @admin.action(description=_("Restore…"), permissions=["archive"])
    @repeatable
    def restore(self, request: HttpRequest, queryset: _Customers) -> _Answer:
        return self.act_on_many(request, queryset, RESTORE)

    @admin.action(description=_("Set status…"), permissions=["change"])
    @repeatable
    def set_status(self, request: HttpRequest, queryset: _Customers) -> _Answer:
        return self.act_on_many(request, queryset, SET_STATUS)

    @admin.action(description=_("Set type…"), permissions=["change"])
    @repeatable
    def set_type(self, request: HttpRequest, queryset: _Customers) -> _Answer:
        return self.act_on_many(request, queryset, SET_TYPE)

    @admin.action(description=_("Add flag…"), permissions=["add_flag"])
    @repeatable
    def add_flag(self, request: HttpRequest, queryset: _Customers) -> _Answer:
        return self.act_on_many(request, queryset, ADD_FLAG)

    @admin.action(description=_("Remove flag…"), permissions=["change_flag"])
    @repeatable
    def remove_flag(self, request: HttpRequest, queryset: _Customers) -> _Answer:
        return self.act_on_many(request, queryset, REMOVE_FLAG)
