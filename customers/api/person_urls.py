"""Paths about one customer and the caller; literal ones first."""

from __future__ import annotations

from django.urls import re_path

from customers.api import customer_detail, me, statistics

_CUSTOMER = "api/v1/customers/(?P<customer>[^/]+)"

urlpatterns = [
    re_path(rf"^{path}/?$", view.as_view())
    for path, view in (
        ("api/v1/me", me.MeView),
        ("api/v1/statistics", statistics.StatisticsView),
        ("api/v1/customers/search", customer_detail.SearchView),
        (f"{_CUSTOMER}/timeline", customer_detail.TimelineView),
        (f"{_CUSTOMER}/metrics", customer_detail.MetricsView),
        (f"{_CUSTOMER}/reveal", customer_detail.RevealView),
    )
]
