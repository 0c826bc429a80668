"""The paths that the source documents fix; with and without a slash, no redirect."""

from __future__ import annotations

from django.urls import re_path

from capture.api.customer_data import AllCustomerData, CustomerData, CustomerDataStats
from capture.api.fixed_routes import ROUTES
from capture.api.tracking import Statistics
from capture.api.views import capture_view
from capture.api.viewsets import health_view, stats_view

urlpatterns = [
    *(
        re_path(rf"^{path}/?$", capture_view(kind, methods=methods), name=path)
        for path, (kind, methods) in ROUTES.items()
    ),
    re_path(r"^api/customer-data/get-all/?$", AllCustomerData.as_view()),
    re_path(r"^api/customer-data/get/(?P<customer>[^/]+)/?$", CustomerData.as_view()),
    re_path(r"^api/customer-data/stats/?$", CustomerDataStats.as_view()),
    re_path(r"^api/v1/tracking/statistics/?$", Statistics.as_view()),
    re_path(r"^api/data-capture/stats/(?P<user_email>[^/]+)/?$", stats_view),
    re_path(r"^api/data-capture/health/?$", health_view),
]
