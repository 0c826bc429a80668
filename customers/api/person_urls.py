"""Paths about one person and oneself; with and without a slash, literal ones first."""

from __future__ import annotations

from django.urls import re_path

from customers.api import overview, people

_CUSTOMER = r"^api/v1/customers/(?P<customer>[^/]+)"

urlpatterns = [
    re_path(r"^api/v1/me/?$", overview.Me.as_view()),
    re_path(r"^api/v1/statistics/?$", overview.Statistics.as_view()),
    re_path(r"^api/v1/customers/search/?$", people.Search.as_view()),
    re_path(rf"{_CUSTOMER}/timeline/?$", people.Timeline.as_view()),
    re_path(rf"{_CUSTOMER}/metrics/?$", people.Metrics.as_view()),
    re_path(rf"{_CUSTOMER}/reveal/?$", people.Reveal.as_view()),
]
