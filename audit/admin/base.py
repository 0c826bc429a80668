"""The base of every admin page: scoped rows, masked values, no deletion.

Knows no app above: a page says where its rows come from and who writes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from decimal import Decimal
from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, TypeVar, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import BaseModelAdmin
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import AutocompleteSelect
from django.contrib.auth import get_permission_codename
from django.db.models import DateTimeField, DecimalField, ForeignKey, Model, QuerySet
from django.db.models.expressions import Combinable
from django.db.models.fields.related import RelatedField
from django.db.models.options import Options
from django.forms.utils import ErrorDict
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
)
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit import log
from audit.admin import business_switch, search_terms
from audit.admin.display import moment, short_decimal
from audit.admin.reveals import is_revealed
from audit.admin.zoned_times import MOMENT
from audit.emails import email_spellings
from audit.fields import without_long
from audit.ids import parse_uuid
from audit.privacy.classes import business_of, has_subject, personal_fields, subject_of
from audit.privacy.invisible import with_visible_bidi
from audit.privacy.masking import (
    REVEAL,
    SEE_UNMASKED,
    bidi_instance,
    hidden_names,
    is_masked_path,
    mask_instance,
)
from audit.tenancy.actors import Actor, operation_of
from audit.timezones import second_zone

if TYPE_CHECKING:
    from django.contrib.admin.options import _ListDisplayT
    from django.utils.functional import _StrOrPromise

    from audit.models import User

_Model = TypeVar("_Model", bound=Model)
# What a template is given. It looks values up by name, so no type says more.
Context: TypeAlias = dict[str, Any]

_SUFFIXES = {
    "exact", "in", "isnull", "isempty", "gt", "gte", "lt", "lte",
    "year", "month", "day",
}  # fmt: skip
_LONGEST_TERM = 100
_ELSEWHERE = _(
    "This does not belong to the business that you have chosen. Lists go on showing "
    "that one alone."
)
_MISSING = _("Some of the chosen rows are not here. Nothing was done; choose again.")


def actor_of(request: HttpRequest) -> Actor:
    """Return the acting person, in the chosen business; made once for each request."""
    if not hasattr(request, "_actor"):
        actor = Actor.from_request(request)
        request._actor = business_switch.narrow(request, actor)  # type: ignore[attr-defined]  # set at run time, not on the type
    return request._actor  # type: ignore[attr-defined]  # set at run time, not on the type


def with_actor(
    view: Callable[..., HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """Return a view before which the actor is made, where a business is chosen.

    `has_perm()` knows of the choice from then on.
    """

    @wraps(view)
    def answer(
        request: HttpRequest, *args: object, **kwargs: object
    ) -> HttpResponseBase:
        if business_switch.chosen_business(request) is not None:
            actor_of(request)
        return view(request, *args, **kwargs)

    return answer


def user_of(request: HttpRequest) -> User:
    """Return the signed-in person; the admin opens no page to anybody else."""
    return cast("User", request.user)


class MaskedChangeList(ChangeList):
    """A list that is not sorted by what it masks: the order would tell the values.

    Long columns that it does not show are not read. What is searched for comes from
    the session, see `search_terms`.
    """

    model_admin: ScopedAdmin

    @property
    def unsearched_url(self) -> str:
        """The address of this list with its filters and without the search."""
        params = {k: v for k, v in self.filter_params.items() if k != search_terms.KEY}
        return f"?{urlencode(sorted(params.items()), doseq=True)}"

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        lookups: dict[str, Any] = super().get_filters_params(params)
        lookups.pop(search_terms.KEY, None)
        return lookups

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: Any = None
    ) -> QuerySet[Model]:
        term = search_terms.term_of(request)
        if term and self.search_fields:
            self.query = term
        queryset = super().get_queryset(request, exclude_parameters)
        return queryset.none() if term is None else queryset

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        columns = (*map(str, self.list_display), *self.model_admin.list_needs)
        self.result_list = without_long(self.result_list, columns=columns)

    def get_ordering(
        self, request: HttpRequest, queryset: QuerySet[Model]
    ) -> list[str | Combinable]:
        ordering = super().get_ordering(request, queryset)
        if self.model_admin.can_see_all_unmasked(request):
            return ordering
        return [
            term for term in ordering if not is_masked_path(self.model, _name(term))
        ]


def _name(term: str | Combinable) -> str:
    """Return the column that a term of an ordering names."""
    expression = getattr(term, "expression", term)
    return str(getattr(expression, "name", expression))


class VisibleChoices(BaseModelAdmin):
    """Forms that offer what the page of the other table shows the person."""

    def get_field_queryset(
        self, db: str | None, db_field: RelatedField, request: HttpRequest
    ) -> QuerySet[Model] | None:
        # A forged id of another business is no valid choice.
        page = self.admin_site._registry.get(db_field.remote_field.model)
        if page is not None:
            return page.get_queryset(request)
        return super().get_field_queryset(db, db_field, request)


class LabelsAbove:
    """For forms whose labels stand above their fields, and need no colon."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)


class InstanceForm(LabelsAbove, forms.ModelForm):
    """The form of a page of one row."""


class ShortDecimalField(forms.DecimalField):
    """Shows a number without the zeros that only fill its column: 42.00, not 42.000."""

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, Decimal):
            value = short_decimal(value)
        return super().prepare_value(value)


class ScopedAdmin(VisibleChoices, admin.ModelAdmin):
    """A page of rows within the person's reach. Nothing here can be deleted."""

    form: type[forms.ModelForm] = InstanceForm
    formfield_overrides: ClassVar = {
        DecimalField: {"form_class": ShortDecimalField},
        DateTimeField: MOMENT,
    }

    show_full_result_count = False
    # Below the rows, where they end. With neither, Django's page has style inside.
    actions_on_top = False
    actions_on_bottom = True
    list_per_page = 50
    list_max_show_all = 200
    # Look-ups in the address beyond those of `list_filter`: an allow list, because
    # `?hidden__startswith=a` would tell any column letter by letter.
    extra_lookups: ClassVar[tuple[str, ...]] = ()
    # Long columns that methods of `list_display` look at.
    list_needs: ClassVar[tuple[str, ...]] = ()
    # What access events call these rows: `customer.viewed`.
    event_prefix = "customer"
    # Whether rows repeat what was sent, with addresses inside texts.
    is_copy = False

    def get_visible(self, actor: Actor) -> QuerySet[Model]:
        """Return the rows that the actor may see; every page starts from them."""
        raise NotImplementedError  # each kind of page answers it

    def page_name(self, page: str) -> str:
        """Return the name of the route of one of this table's pages, like `change`."""
        return f"{self.opts.app_label}_{self.opts.model_name}_{page}"

    def page_url(self, page: str, *args: object) -> str:
        """Return the address of one of this table's pages."""
        return reverse(f"admin:{self.page_name(page)}", args=args)

    def autocomplete_label(self, instance: Any) -> str:
        """Return how a row is named in a choice; `str()` is never personal."""
        return str(instance)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        queryset = self.get_visible(actor_of(request))
        ordering = self.get_ordering(request)
        return queryset.order_by(*ordering) if ordering else queryset

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        instance = super().get_object(request, object_id, from_field)
        if instance is None and business_switch.chosen_business(request) is not None:
            instance = self._find_elsewhere(request, object_id, from_field)
        if instance is None:
            # A foreign row and a missing one: the same page, the same entry.
            refuse(request, "not_found", self.opts.label_lower, object_id)
        return instance

    def _find_elsewhere(
        self, request: HttpRequest, object_id: str, from_field: str | None
    ) -> Any:
        """Return a row of another business of the person, who acts there from now on.

        A colleague's link opens, and the form of a tab from before the switch is saved.
        """
        narrowed, chosen = actor_of(request), user_of(request).acts_in
        request._actor = Actor.from_request(request)  # type: ignore[attr-defined]  # as in actor_of
        user_of(request).acts_in = None
        instance = super().get_object(request, object_id, from_field)
        if instance is None:
            request._actor, user_of(request).acts_in = narrowed, chosen  # type: ignore[attr-defined]  # as in actor_of
        elif request.method == "GET":
            self.message_user(request, _ELSEWHERE)
        return instance

    def get_or_404(self, request: HttpRequest, object_id: object) -> Any:
        """Return a row that the person may see; Http404 where there is none."""
        instance = self.get_object(request, str(object_id))
        if instance is None:
            raise Http404
        return instance

    # --- permissions -----------------------------------------------------------------

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return has_model_permission(request, self.opts, "change", obj)

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_history_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Tell whether the person may see former versions of rows, if they are kept."""
        return False

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Context | None = None
    ) -> HttpResponse:
        """Answer like a missing page: these rows have no former versions."""
        raise Http404

    # --- what is shown ----------------------------------------------------------

    def can_see_unmasked(self, request: HttpRequest, instance: object) -> bool:
        """Tell whether the person sees contact data of this row on its own page."""
        actor, business_id = actor_of(request), business_of(instance)
        if actor.has_perm(SEE_UNMASKED, business_id):
            return True
        # A reveal ends with the permission for it.
        return actor.has_perm(REVEAL, business_id) and is_revealed(
            request, subject_of(instance)
        )

    def note_access(
        self,
        request: HttpRequest,
        verb: str,
        instances: Iterable[Model],
        *,
        target: Model | None = None,
        query: str | None = None,
    ) -> None:
        """Note an access to these instances, if they hold personal data."""
        if personal_fields(self.model) or has_subject(self.model):
            action, actor = f"{self.event_prefix}.{verb}", actor_of(request)
            log.note_access(action, instances, actor=actor, target=target, query=query)

    def can_see_all_unmasked(self, request: HttpRequest) -> bool:
        """Tell whether the person sees contact data of every row within reach."""
        actor = actor_of(request)
        clear, reached = actor.businesses_for(SEE_UNMASKED), actor.business_ids
        return clear is None or (reached is not None and reached <= clear)

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        """Leave out parts of masked values, which hits would tell letter by letter."""
        names = list(super().get_search_fields(request))
        if self.can_see_all_unmasked(request):
            return names
        return [
            name
            for name in names
            if name.endswith("exact") or not is_masked_path(self.model, name)
        ]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Model], bool]:
        # A database compares a part with each place of a text, one sign after another.
        term = search_term[:_LONGEST_TERM].strip()
        matches, is_joined = super().get_search_results(request, queryset, term)
        # A whole address, in the spellings in which it may be stored.
        is_address = "@" in term and not term.split()[1:]
        for spelling in sorted(email_spellings(term) - {term} if is_address else ()):
            more, joins = super().get_search_results(request, queryset, spelling)
            matches, is_joined = matches | more, is_joined or joins
        return matches, is_joined

    def get_sortable_by(self, request: HttpRequest) -> _ListDisplayT[Model]:
        names = super().get_sortable_by(request)
        if self.can_see_all_unmasked(request):
            return names
        return [name for name in names if not is_masked_path(self.model, str(name))]

    def get_changelist(
        self, request: HttpRequest, **kwargs: object
    ) -> type[ChangeList]:
        return MaskedChangeList

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        changelist = super().get_changelist_instance(request)
        _show_second_zone(changelist)
        changelist.result_list = [
            mask_instance(one, is_copy=self.is_copy) for one in changelist.result_list
        ]
        return changelist

    def changelist_view(
        self, request: HttpRequest, extra_context: Context | None = None
    ) -> HttpResponse:
        redirect = self._search_redirect(request)
        if redirect is not None:
            return redirect
        name = request.POST.get("action")
        if name and name not in dict(self.get_action_choices(request)):
            refuse(request, "unknown_action", self.opts.label_lower)
        response = super().changelist_view(request, extra_context)
        changelist = (getattr(response, "context_data", None) or {}).get("cl")
        if changelist is not None:
            verb = "searched" if changelist.query else "listed"
            query = changelist.query or None
            self.note_access(request, verb, changelist.result_list, query=query)
        return response

    def _search_redirect(self, request: HttpRequest) -> HttpResponse | None:
        """Return where a search of the list leads; None where it is to be shown."""
        if not self.has_view_or_change_permission(request):
            return None
        if self.get_search_fields(request) and search_terms.is_list_search(request):
            text = request.POST[search_terms.TERM]
            return search_terms.search_redirect(request, text)
        return search_terms.tidy_redirect(request)

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Model], *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
        if request.POST.get("select_across") != "1" and chosen:
            keys = {pk for pk in chosen if parse_uuid(pk)}
            if queryset.filter(pk__in=keys).count() < len(set(chosen)):
                refuse(request, "not_found", self.opts.label_lower)
                self.message_user(request, _MISSING, messages.ERROR)
                return HttpResponseRedirect(self.page_url("changelist"))
        return super().response_action(request, queryset, *args, **kwargs)

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> list[str]:
        fields = list(super().get_readonly_fields(request, obj))
        if obj is None or self.can_see_unmasked(request, obj):
            return fields
        # What is not seen is not typed over either.
        return [*fields, *(n for n in hidden_names(obj) if n not in fields)]

    def render_change_form(
        self, request: HttpRequest, context: Context, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        obj = context["original"]
        note_form_errors(request, context, self.opts.label_lower)
        if obj is not None:
            self.note_access(request, "viewed", [obj], target=obj)
            context["has_history_permission"] = self.has_history_permission(
                request, obj
            )
            self._show_form(context, is_unmasked=self.can_see_unmasked(request, obj))
        return super().render_change_form(request, context, *args, **kwargs)

    def _show_form(self, context: Context, *, is_unmasked: bool) -> None:
        """Replace instances by copies for display where values cannot be edited."""
        form = context["adminform"].form
        form.instance = displayed(
            form.instance, is_unmasked=is_unmasked, is_copy=self.is_copy
        )
        _flag_bidi(form)
        for inline in context["inline_admin_formsets"]:
            for inner in inline.formset.forms:
                _flag_bidi(inner)
                if inner.instance.pk is not None:
                    inner.instance = displayed(inner.instance, is_unmasked=is_unmasked)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        if lookup in self.extra_lookups:
            return True
        names = {_parameter(spec) for spec in self.get_list_filter(request)}
        names |= {self.date_hierarchy} if self.date_hierarchy else set()
        path, _, suffix = lookup.rpartition("__")
        allowed = {*names, *(f"{name}__id" for name in names)}
        return lookup in allowed or (path in allowed and suffix in _SUFFIXES)

    def formfield_for_foreignkey(
        self, db_field: ForeignKey, request: HttpRequest, **kwargs: Any
    ) -> forms.ModelChoiceField | None:
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs.setdefault("widget", ChoiceById(db_field, self.admin_site))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def _get_obj_does_not_exist_redirect(self, *_: object) -> HttpResponse:
        raise Http404

    def log_addition(self, *_: Any) -> Any:
        """Write no log of Django's: the services record events."""

    log_change = log_deletion = log_deletions = log_addition  # type: ignore[assignment]  # takes whatever each of them does


def _show_second_zone(changelist: ChangeList) -> None:
    """Let the columns of times show the person's zone, too, where they want it."""
    if second_zone() is None:
        return
    fields = {field.name: field for field in changelist.opts.concrete_fields}
    columns = {
        name: _moment_column(name, fields[name].verbose_name)
        for name in changelist.list_display
        if isinstance(name, str) and isinstance(fields.get(name), DateTimeField)
    }
    for names in ("list_display", "list_display_links", "sortable_by"):
        before = getattr(changelist, names)
        if before is not None:
            setattr(changelist, names, [columns.get(name, name) for name in before])


def _moment_column(name: str, title: _StrOrPromise) -> Callable[[Model], str | None]:
    @admin.display(description=title, ordering=name)
    def column(instance: Model) -> str | None:
        return moment(getattr(instance, name), "DATETIME_FORMAT") or None

    column.__name__ = name
    return column


def displayed(instance: _Model, *, is_unmasked: bool, is_copy: bool = False) -> _Model:
    """Return an instance as the person may see it; never save it."""
    if is_unmasked:
        return bidi_instance(instance)
    return mask_instance(copy(instance), is_copy=is_copy)


def _flag_bidi(form: forms.BaseForm) -> None:
    """Warn below an input whose text holds characters that turn its direction."""
    for name, field in form.fields.items():
        value = form.get_initial_for_field(field, name)
        visible = with_visible_bidi(value) if isinstance(value, str) else value
        if visible != value:
            text = gettext("Some signs in it are not seen, and turn its direction:")
            field.help_text = format_html("{} {} {}", field.help_text, text, visible)


class ChoiceById(AutocompleteSelect):
    """Django's box, which is drawn also where what was sent is the id of nothing.

    What is typed is sent by POST, so that it stands in no address.
    """

    def build_attrs(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        attrs: dict[str, Any] = super().build_attrs(*args, **kwargs)
        return {**attrs, "data-ajax--type": "POST"}

    @property
    def media(self) -> forms.Media:
        # After the script that makes jQuery ready, wherever forms are joined.
        ours = forms.Media(js=["admin/js/jquery.init.js", "hub/js/choices.js"])
        return super().media + ours

    def optgroups(
        self, name: str, value: Sequence[str], attr: dict[str, object] | None = None
    ) -> list[tuple[str | None, list[Context], int | None]]:
        ids = [each for each in value if not each or parse_uuid(str(each))]
        return super().optgroups(name, ids, attr)


def has_model_permission(
    request: HttpRequest, opts: Options, verb: str, instance: object = None
) -> bool:
    """Tell whether the person may do this to rows of a table, or to this row."""
    return has_named_permission(
        request, opts.app_label, get_permission_codename(verb, opts), instance
    )


def has_named_permission(
    request: HttpRequest, app: str, codename: str, instance: object
) -> bool:
    """Tell whether the person has a permission by its name, for this row or for any."""
    name = f"{app}.{codename}"
    if isinstance(instance, Model) and not instance._state.adding:
        return request.user.has_perm(name, instance)
    return request.user.has_perm(name)


def render_page(
    request: HttpRequest, template: str, title: str, **context: object
) -> HttpResponse:
    """Return a page in the frame of the admin, which browsers do not keep."""
    frame = {**admin.site.each_context(request), "title": title}
    return TemplateResponse(request, template, frame | context)


def refuse(request: HttpRequest, code: str, label: str = "", key: str = "") -> None:
    """Record a denied attempt."""
    operation_of(request).refuse(code, label, key)


def note_form_errors(request: HttpRequest, context: Context, label: str) -> None:
    """Record a post that chose a foreign object or would overwrite a newer version."""
    if request.method != "POST":
        return
    forms_sent = [context["adminform"].form]
    for inline in context["inline_admin_formsets"]:
        forms_sent += inline.formset.forms
        for error in inline.formset.non_form_errors().as_data():
            refuse(request, error.code, label)
    for form in forms_sent:
        note_errors(request, form, label)


def note_errors(request: HttpRequest, form: forms.BaseForm, label: str) -> None:
    """Record what a refused form tried, if that is worth an entry."""
    # A row that can only be read was not judged: Django gives it a plain dict.
    if not isinstance(form.errors, ErrorDict):
        return
    for name, errors in form.errors.as_data().items():
        is_choice = isinstance(form.fields.get(name), forms.ModelChoiceField)
        for error in errors:
            if error.code in _NOTED or (error.code == "invalid_choice" and is_choice):
                refuse(request, error.code, label)


# Refusals of services that are worth an entry.
_NOTED = {"stale_version", "guard", "refund_exceeds_paid", "limit_exceeded"}


def _parameter(spec: object) -> str:
    """Return what a filter of `list_filter` is called in the address."""
    # A class of ours, the name of a column, or that name and a class of Django's.
    name = spec[0] if isinstance(spec, list | tuple) else spec
    return str(getattr(name, "parameter_name", name))


class GuardedAdmin(ScopedAdmin):
    """A page of rows that are kept as they are: it can only be read."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


def readable_columns(model: type[Model], skipped: Iterable[str]) -> tuple[str, ...]:
    """Return the columns of a read-only page: all but these."""
    return tuple(f.name for f in model._meta.fields if f.name not in {*skipped})
