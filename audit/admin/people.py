"""Pages of a person's row: reveal contact data with a reason, and who has looked."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from audit import log
from audit.admin import reveals
from audit.admin.base import Context, ScopedAdmin, actor_of, render_page, user_of
from audit.admin.step_up import require_step_up
from audit.ids import parse_uuid
from audit.models import Scope
from audit.privacy.classes import subject_of
from audit.privacy.masking import REVEAL

_PER_PAGE = 100


class PersonPages(ScopedAdmin):
    """Adds the pages to the admin of the model whose rows are people."""

    change_form_template = "admin/person_change_form.html"

    def get_urls(self) -> list[URLPattern]:
        name, view = self.page_name, self.admin_site.admin_view
        pages = [
            path("<uuid:pk>/reveal/", view(self.reveal_view), name=name("reveal")),
            path("<uuid:pk>/hide/", view(self.hide_view), name=name("hide")),
            path("<uuid:pk>/access/", view(self.access_view), name=name("access")),
        ]
        return [*pages, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: Context | None = None,
    ) -> HttpResponse:
        extra_context = (extra_context or {}) | self._form_context(request, object_id)
        return super().change_view(request, object_id, form_url, extra_context)

    def _form_context(self, request: HttpRequest, object_id: str) -> dict[str, object]:
        pk = parse_uuid(object_id)
        if pk is None:
            return {}
        return {
            "may_see_access": self._may_see_access(request),
            "minutes_left": reveals.minutes_left(request, pk),
        }

    def render_change_form(
        self, request: HttpRequest, context: Context, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        person = context["original"]
        # Nothing is masked for whoever sees it anyway.
        context["may_reveal"] = (
            person is not None
            and user_of(request).has_perm(REVEAL, person)
            and not self.can_see_unmasked(request, person)
        )
        return super().render_change_form(request, context, *args, **kwargs)

    def person_url(self, pk: object) -> str:
        """Return the address of the page that shows a person."""
        return self.page_url("change", pk)

    def reveal_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Ask for a reason, then show this person's contact data for ten minutes."""
        person = self._person(request, pk)
        if not request.user.has_perm(REVEAL, person):
            raise PermissionDenied
        reason = request.POST.get("reason", "").strip()
        if request.method == "POST" and reason:
            require_step_up(request, Scope.REVEAL, what=_("Show contact data in clear"))
            subject = subject_of(person)
            if subject is None:
                raise Http404
            log.record_reveal(
                person, actor=actor_of(request), subject=subject, reason=reason
            )
            reveals.reveal(request, subject)
            return HttpResponseRedirect(self.person_url(person.pk))
        return self._page_about(
            request,
            person,
            "admin/reveal.html",
            _("Reveal contact data"),
            is_missing=request.method == "POST",
            minutes=reveals.REVEAL_SECONDS // 60,
        )

    @method_decorator(require_POST)
    def hide_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Mask this person's contact data again."""
        person = self._person(request, pk)
        reveals.hide(request, subject_of(person))
        return HttpResponseRedirect(self.person_url(person.pk))

    def access_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """List who has looked at this person, revealed something, and why."""
        person = self._person(request, pk)
        if not self._may_see_access(request, person):
            raise PermissionDenied
        events = log.list_events_about(person, actor=actor_of(request))
        page = Paginator(events, _PER_PAGE).get_page(request.GET.get("p"))
        names = log.usernames_by_id(event.actor_id for event in page.object_list)
        entries = [
            (event, names.get(event.actor_id) or log.kind_text(event.actor_kind))
            for event in page.object_list
        ]
        context = {"page": page, "entries": entries}
        return self._page_about(
            request, person, "admin/access.html", _("Who looked"), **context
        )

    def _may_see_access(
        self, request: HttpRequest, person: Model | None = None
    ) -> bool:
        permissions = ("audit.view_event", REVEAL)
        return any(request.user.has_perm(name, person) for name in permissions)

    def _person(self, request: HttpRequest, pk: UUID) -> Model:
        if not self.has_view_permission(request):
            raise PermissionDenied
        person: Model = self.get_or_404(request, pk)
        return person

    def _page_about(
        self,
        request: HttpRequest,
        person: Model,
        template: str,
        title: str,
        **context: object,
    ) -> HttpResponse:
        self.note_access(request, "viewed", [person], target=person)
        back = self.person_url(person.pk)
        context |= {"opts": self.opts, "original": person, "back": back}
        return render_page(request, template, title, **context)
