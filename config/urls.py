"""Which URL belongs to which app; the only place that knows."""

from __future__ import annotations

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path, re_path
from django.utils.functional import lazy
from django.views.decorators.http import require_safe
from django.views.generic import RedirectView

from audit.rest.not_found import not_found_view
from config.paths import HAS_CAPTURE

home = RedirectView.as_view(pattern_name="admin:index")
# For pages that name no icon. Its address is known once files are collected.
icon = RedirectView.as_view(url=lazy(static, str)("hub/img/favicon.svg"))

urlpatterns = [
    path("", require_safe(home)),
    path("favicon.ico", require_safe(icon)),
    path("admin/", admin.site.urls),
    *([path("demo/", include("config.demo"))] if HAS_CAPTURE else []),
    path("", include("config.health")),
    path("", include("config.api.urls")),
    path("", include("audit.api.urls")),
    path("", include("customers.api.contracts.urls")),
    path("", include("customers.api.v1_urls")),
    *(
        [
            path("", include("capture.api.v1_urls")),
            path("", include("capture.api.fixed_urls")),
            path("", include("capture.api.urls")),
        ]
        if HAS_CAPTURE
        else []
    ),
    # Nobody below here reads an error page.
    re_path(r"^api/", not_found_view),
]

# Django's names for the views of errors.
handler400 = "config.errors.bad_request"
handler403 = "config.errors.forbidden"
handler404 = "config.errors.not_found"
handler500 = "config.errors.server_error"
