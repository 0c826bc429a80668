"""Paths of segments and exports, with and without a slash."""

from __future__ import annotations

from django.urls import re_path

from customers.api import exports, segments
from customers.api.contracts.doc002 import views

_SEGMENT = r"^api/v1/segments/(?P<segment>[^/]+)"

urlpatterns = [
    re_path(r"^api/customer-data/export/?$", exports.CustomerDataExport.as_view()),
    re_path(r"^api/v1/tracking/targeted/?$", views.Targeted.as_view()),
    re_path(r"^api/v1/tracking/marketing-export/?$", views.MarketingExport.as_view()),
    re_path(r"^api/v1/exports/?$", exports.Exports.as_view()),
    re_path(r"^api/v1/segments/?$", segments.Segments.as_view()),
    re_path(r"^api/v1/segments/preview/?$", segments.Preview.as_view()),
    re_path(rf"{_SEGMENT}/?$", segments.OneSegment.as_view()),
    re_path(rf"{_SEGMENT}/customers/?$", segments.SegmentCustomers.as_view()),
]
