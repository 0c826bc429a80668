"""Paths about one person and oneself; with and without a slash, literal ones first."""

from __future__ import annotations

from django.urls import re_path

from customers.api import customer_detail, me

_CUSTOMER = r"^api/v1/customers/(?P<customer>[^/]+)"

urlpatterns = [
    re_path(r"^api/v1/me/?$", me.Me.as_view()),
    re_path(r"^api/v1/statistics/?$", me.Statistics.as_view()),
    re_path(r"^api/v1/customers/search/?$", customer_detail.Search.as_view()),
    re_path(rf"{_CUSTOMER}/timeline/?$", customer_detail.Timeline.as_view()),
    re_path(rf"{_CUSTOMER}/metrics/?$", customer_detail.Metrics.as_view()),
    re_path(rf"{_CUSTOMER}/reveal/?$", customer_detail.Reveal.as_view()),
]
