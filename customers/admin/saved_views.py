"""Saved views of the list of customers, its columns, and how long its pages are.

A view is opened by its own address, which leads to the list with the filters in plain
sight: `?status__exact=active&o=-seen&view=<id>`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG, ORDER_VAR, PAGE_VAR
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from audit.admin.base import (
    Context,
    LabelsAbove,
    ScopedAdmin,
    actor_of,
    refuse,
    render_page,
)
from audit.admin.display import active_filters
from customers import services
from customers.admin.columns import COLUMNS, SEE_TICKETS
from customers.admin.list_choices import VIEW_VAR, CustomizedChangeList, ListChoices
from customers.models import Business, SavedView
from customers.models.saved_view import PAGE_SIZES

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

_FORM_METHODS = method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
# Views that everybody has.
_READY = (
    (_("VIP"), {"customer_type__exact": "vip"}),
    (_("New this week"), {"joined": "within", "joined_days": "7"}),
    (_("Silent for 30 days"), {"seen": "over", "seen_days": "30"}),
    (_("Open tickets"), {"tickets": "open"}),
    (_("Archived"), {"archived": "yes"}),
)


class ViewLink(NamedTuple):
    """A view above the list: its name, its address, and whether it is current now."""

    name: _StrOrPromise
    url: str
    is_on: bool
    is_shared: bool = False


class ViewForm(LabelsAbove, forms.Form):
    """The name of a view, and who sees it."""

    name = forms.CharField(max_length=40, label=_("Name"))
    is_shared = forms.BooleanField(
        required=False, label=_("Shared with everybody of the business")
    )

    def __init__(
        self, *args: Any, businesses: QuerySet[Business] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        if businesses is not None:
            choice = forms.ModelChoiceField(
                businesses, empty_label=None, label=_("Business")
            )
            self.fields["business"] = choice


class SavedViewPages(ScopedAdmin):
    """Adds views and columns to the list of customers."""

    def get_urls(self) -> list[URLPattern]:
        name, view = self.page_name, self.admin_site.admin_view
        pages = [
            path("columns/", view(self.columns_view), name=name("columns")),
            path("views/add/", view(self.add_saved_view), name=name("view_add")),
            path("views/<uuid:view_id>/", view(self.open_view), name=name("view")),
            path(
                "views/<uuid:view_id>/edit/",
                view(self.edit_view),
                name=name("view_edit"),
            ),
            path(
                "views/<uuid:view_id>/archive/",
                view(self.archive_view),
                name=name("view_archive"),
            ),
        ]
        return [*pages, *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: Context | None = None
    ) -> HttpResponse:
        is_allowed = self.has_view_permission(request)
        if is_allowed and ListChoices.of(request).has_missing_view:
            return self._no_such_view(request)
        response = super().changelist_view(request, extra_context)
        context = getattr(response, "context_data", None) or {}
        if isinstance(context.get("cl"), CustomizedChangeList):
            context |= self._list_context(request, context["cl"])
        return response

    def open_view(self, request: HttpRequest, view_id: UUID) -> HttpResponse:
        """Lead to the list as a view shows it."""
        view = self._find(request, view_id)
        if view is None:
            return self._no_such_view(request)
        filters = dict(view.filters)
        if not request.user.has_perm(SEE_TICKETS):
            # Of a colleague who sees more: the rest of the view is for everybody.
            filters.pop("tickets", None)
        query = _query_of(view, filters)
        return HttpResponseRedirect(self.page_url("changelist") + query)

    @_FORM_METHODS
    def add_saved_view(self, request: HttpRequest) -> HttpResponse:
        """Save the list that the address describes, under a name."""
        self._require_view(request)
        try:
            changelist = self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(self.page_url("changelist"))
        if not isinstance(changelist, CustomizedChangeList):
            raise TypeError
        actor = actor_of(request)
        businesses = services.list_businesses(
            actor=actor, permission=services.SEE_CUSTOMERS
        )
        first = businesses[:2]
        # Who works for one business has nothing to choose.
        form = ViewForm(
            request.POST or None,
            businesses=businesses.order_by("name") if len(first) > 1 else None,
        )
        if form.is_valid():
            values = {"business": first[0], **form.cleaned_data} if first else {}
            try:
                view = services.save_view(
                    values.pop("business"),
                    actor=actor,
                    filters=changelist.active_filters,
                    sort=changelist.sort,
                    columns=ListChoices.of(request).columns,
                    **values,
                )
            except ValidationError as error:
                form.add_error(None, error)
            else:
                text = gettext("The view “%(name)s” is saved.")
                self.message_user(request, text % {"name": view.name})
                return HttpResponseRedirect(self.page_url("view", view.pk))
        return self._form_page(
            request,
            form,
            gettext("Save this view"),
            filters=active_filters(changelist),
            is_sorted=bool(changelist.sort),
            has_search=bool(changelist.query),
        )

    @_FORM_METHODS
    def edit_view(self, request: HttpRequest, view_id: UUID) -> HttpResponse:
        """Rename a view, or share it."""
        view = self._find(request, view_id)
        if view is None:
            return self._no_such_view(request)
        actor = actor_of(request)
        may_archive = services.may_archive_view(view, actor=actor)
        if not services.owns_view(view, actor=actor):
            if not may_archive:
                raise PermissionDenied
            return self._form_page(request, None, view.name, view=view)
        initial = {"name": view.name, "is_shared": view.is_shared}
        form = ViewForm(request.POST or None, initial=initial)
        if form.is_valid():
            try:
                services.change_view(view, actor=actor, **form.cleaned_data)
            except ValidationError as error:
                form.add_error(None, error)
            else:
                self.message_user(request, gettext("The view is changed."))
                return HttpResponseRedirect(self.page_url("view", view.pk))
        return self._form_page(request, form, gettext("Edit view"), view=view)

    @method_decorator(require_POST)
    def archive_view(self, request: HttpRequest, view_id: UUID) -> HttpResponse:
        """Put a view away."""
        view = self._find(request, view_id)
        if view is None:
            return self._no_such_view(request)
        services.archive_view(view, actor=actor_of(request))
        text = gettext("The view “%(name)s” is deleted.")
        self.message_user(request, text % {"name": view.name})
        return HttpResponseRedirect(self.page_url("changelist"))

    @_FORM_METHODS
    def columns_view(self, request: HttpRequest) -> HttpResponse:
        """Choose and order the columns of the own list; works without script."""
        self._require_view(request)
        choices = ListChoices.of(request)
        chosen, size = choices.columns, choices.layout.page_size
        order = [*chosen, *(name for name in choices.offered if name not in chosen)]
        if request.method == "POST":
            sent = [n for n in request.POST.getlist("order") if n in choices.offered]
            order = list(dict.fromkeys([*sent, *order]))
            ticked = request.POST.getlist("columns")
            chosen = [name for name in order if name in ticked]
            text = request.POST.get("page_size", "")
            size = int(text) if text in {str(n) for n in PAGE_SIZES} else size
            if "move" not in request.POST:
                columns = [] if "reset" in request.POST else chosen
                services.save_layout(
                    actor=actor_of(request), columns=columns, page_size=size
                )
                return HttpResponseRedirect(
                    self.page_url("changelist") + _plain_query(request)
                )
            order = _reordered(order, request.POST["move"])
        return render_page(
            request,
            "admin/customers/customer/columns.html",
            gettext("Columns"),
            opts=self.opts,
            columns=[(name, COLUMNS[name], name in chosen) for name in order],
            sizes=PAGE_SIZES,
            page_size=size,
            back=self.page_url("changelist") + _plain_query(request),
        )

    # --- parts ------------------------------------------------------------------

    def _list_context(
        self, request: HttpRequest, changelist: CustomizedChangeList
    ) -> dict[str, object]:
        choices, active = ListChoices.of(request), changelist.active_filters
        current = choices.view
        ready = [
            ViewLink(
                name, f"?{urlencode(filters)}", current is None and filters == active
            )
            for name, filters in _READY
            if "tickets" not in filters or request.user.has_perm(SEE_TICKETS)
        ]
        saved = [
            ViewLink(
                view.name,
                self.page_url("view", view.pk),
                current is view and view.filters == active,
                view.is_shared,
            )
            for view in choices.views
        ]
        may_edit = current is not None and services.may_archive_view(
            current, actor=actor_of(request)
        )
        is_as_saved = current is not None and (
            (current.filters, current.sort) == (active, changelist.sort)
        )
        here = dict(active)
        if changelist.sort:
            here[ORDER_VAR] = changelist.sort
        if current is not None:
            here[VIEW_VAR] = str(current.pk)
        return {
            "views": [*ready, *saved],
            "is_all": current is None and not active and not changelist.query,
            "save_url": f"{self.page_url('view_add')}?{urlencode(here)}",
            "can_save": (active or changelist.sort) and not is_as_saved,
            "edit_url": self.page_url("view_edit", current.pk)
            if current and may_edit
            else "",
            "columns_url": self.page_url("columns") + _plain_query(request),
        }

    def _form_page(
        self, request: HttpRequest, form: ViewForm | None, title: str, **context: object
    ) -> HttpResponse:
        template = "admin/customers/customer/view_form.html"
        return render_page(
            request, template, title, form=form, opts=self.opts, **context
        )

    def _require_view(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def _find(self, request: HttpRequest, view_id: UUID) -> SavedView | None:
        self._require_view(request)
        try:
            return services.get_view(view_id, actor=actor_of(request))
        except SavedView.DoesNotExist:
            return None

    def _no_such_view(self, request: HttpRequest) -> HttpResponse:
        """Say that there is no such view for this person, whatever the reason is."""
        refuse(request, "not_found", SavedView._meta.label_lower)
        template = "admin/customers/customer/view_missing.html"
        title = gettext("No such view")
        response = render_page(request, template, title, opts=self.opts)
        response.status_code = 404
        return response


def _query_of(view: SavedView, filters: dict[str, str]) -> str:
    order = {ORDER_VAR: view.sort} if view.sort else {}
    return f"?{urlencode({**filters, **order, VIEW_VAR: str(view.pk)})}"


def _plain_query(request: HttpRequest) -> str:
    """Return what the address says of filters, for a link to the list or from it.

    Without a view, whose columns would be current, and without what counts columns.
    """
    query = request.GET.copy()
    for name in (VIEW_VAR, PAGE_VAR, ERROR_FLAG, ORDER_VAR):
        query.pop(name, None)
    return f"?{query.urlencode()}" if query else ""


def _reordered(order: list[str], move: str) -> list[str]:
    """Return the columns with one of them a place further: `up:seen`, `down:seen`."""
    way, _, name = move.partition(":")
    if name not in order:
        return order
    place = order.index(name)
    other = place - 1 if way == "up" else place + 1
    if 0 <= other < len(order):
        order = [*order]
        order[place], order[other] = order[other], order[place]
    return order
