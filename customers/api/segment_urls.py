"""Paths of segments and exports, with and without a slash."""

from __future__ import annotations

from django.urls import re_path

from customers.api import exports, segments
from customers.api.contracts.doc002 import views

_SEGMENT = "api/v1/segments/(?P<segment>[^/]+)"

urlpatterns = [
    re_path(rf"^{path}/?$", view.as_view())
    for path, view in (
        ("api/customer-data/export", exports.CustomerDataExportView),
        ("api/v1/tracking/targeted", views.TargetedCustomersView),
        ("api/v1/tracking/marketing-export", views.MarketingExportView),
        ("api/v1/exports", exports.ExportsView),
        ("api/v1/segments", segments.SegmentsView),
        ("api/v1/segments/preview", segments.SegmentPreviewView),
        (_SEGMENT, segments.SegmentView),
        (f"{_SEGMENT}/customers", segments.SegmentCustomersView),
    )
]
