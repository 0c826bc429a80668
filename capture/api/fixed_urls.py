"""The paths that the source documents fix; with and without a slash, no redirect."""

from __future__ import annotations

from django.urls import re_path

from capture.api.customer_data import (
    CustomerDataListView,
    CustomerDataStatsView,
    CustomerDataView,
)
from capture.api.fixed_routes import ROUTES
from capture.api.tracking import TrackingStatisticsView
from capture.api.views import capture_view
from capture.api.viewsets import health_view, stats_view

urlpatterns = [
    *(
        re_path(rf"^{path}/?$", capture_view(kind, methods=methods), name=path)
        for path, (kind, methods) in ROUTES.items()
    ),
    *(
        re_path(rf"^api/{path}/?$", view)
        for path, view in (
            ("customer-data/get-all", CustomerDataListView.as_view()),
            ("customer-data/get/(?P<customer>[^/]+)", CustomerDataView.as_view()),
            ("customer-data/stats", CustomerDataStatsView.as_view()),
            ("v1/tracking/statistics", TrackingStatisticsView.as_view()),
            ("data-capture/stats/(?P<user_email>[^/]+)", stats_view),
            ("data-capture/health", health_view),
        )
    ),
]
