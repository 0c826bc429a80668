"""Pages about the own account: in the frame of the admin, kept by no browser."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse


def render_account(
    request: HttpRequest, template: str, title: str, **context: object
) -> HttpResponse:
    """Return the page."""
    context |= {**admin.site.each_context(request), "title": title}
    response = TemplateResponse(request, template, context)
    response["Cache-Control"] = "no-store"
    return response
