"""The native routes, those of the SDKs, and those of payment providers."""

from __future__ import annotations

import re

from django.urls import URLPattern, re_path

from capture.api import native, schemas, viewsets
from capture.api.endpoint import sdk_prefix
from capture.api.segment import BATCHES, KINDS, sdk_view, settings_view
from capture.api.views import missing_view
from capture.api.webhooks import webhook_view
from capture.choices import Provider

_UUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"

_PREFIXES = (
    "customer-data|data-capture|v1/captures|v1/quarantine|v1/schemas|v1/tracking|"
    "v1/webhooks"
)


def _sdk(prefix: str) -> list[URLPattern]:
    below = rf"^{re.escape(prefix)}/" if prefix else "^"
    views = {name: sdk_view(name) for name in (*KINDS, *BATCHES)}
    return [
        *(re_path(rf"{below}v1/{name}/?$", view) for name, view in views.items()),
        re_path(rf"{below}beacon/v1/batch/?$", views["batch"]),
        re_path(rf"{below}v1/projects/(?P<write_key>[^/]+)/settings/?$", settings_view),
        re_path(rf"{below}v1/", missing_view),
    ]


urlpatterns = [
    re_path(r"^api/v1/captures/?$", viewsets.captures_view),
    re_path(r"^api/v1/captures/batch/?$", native.batch_view),
    re_path(r"^api/v1/captures/validate/?$", native.validate_view),
    re_path(rf"^api/v1/captures/(?P<pk>{_UUID})/?$", viewsets.capture_view),
    re_path(r"^api/v1/quarantine/?$", viewsets.quarantine_view),
    re_path(rf"^api/v1/quarantine/(?P<pk>{_UUID})/?$", viewsets.quarantined_view),
    re_path(
        rf"^api/v1/quarantine/(?P<pk>{_UUID})/(?P<act>replay|discard)/?$",
        viewsets.decide_view,
    ),
    re_path(
        r"^api/v1/schemas/(?P<kind>[a-z]+)/(?P<version>\d+)/?$", schemas.schema_view
    ),
    *(
        re_path(
            rf"^api/v1/webhooks/{provider}/(?P<endpoint_id>{_UUID})/?$",
            webhook_view(provider),
        )
        for provider in Provider.values
    ),
    *_sdk(""),
    *(_sdk(sdk_prefix()) if sdk_prefix() else []),
    # What else is sent where captures go is refused, and counted.
    re_path(rf"^(?:beacon|api/(?:{_PREFIXES}))/", missing_view),
]
