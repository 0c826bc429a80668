"""The two descriptions of the API for machines, and their viewers for people.

Both are open: they hold no secret, and whoever connects a system needs them first.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.utils.decorators import method_decorator
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request

from config.api.schema import CanonicalGenerator, description
from config.csp import csp_override

# The viewer writes styles into its page; scripts come from our own files as ever.
_VIEWER_POLICY = {
    **settings.SECURE_CSP,
    "style-src": ["'self'", "'unsafe-inline'"],
}


class SchemaView(SpectacularAPIView):
    """Answers JSON or YAML, by `format` or `Accept`; JSON without either."""

    generator_class = CanonicalGenerator
    renderer_classes = SpectacularAPIView.renderer_classes[::-1]
    authentication_classes = ()
    metadata_class = None

    def _get_schema_response(self, request: Request) -> HttpResponse:
        renderer = request.accepted_renderer
        text = _rendered(self.generator_class, renderer.media_type)
        headers = {"Cache-Control": "public, max-age=300"}
        return HttpResponse(text, headers=headers, content_type=renderer.media_type)


@lru_cache
def _rendered(generator_class: Any, media_type: str) -> bytes:
    """Return the description as text; writing YAML takes seconds."""
    kinds = {kind.media_type: kind for kind in SchemaView.renderer_classes}
    document = description(generator_class)
    text = kinds[media_type]().render(document, renderer_context={})
    return text if isinstance(text, bytes) else text.encode()


@method_decorator(csp_override(_VIEWER_POLICY), name="dispatch")
class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI with files of our own: nothing is fetched from elsewhere."""

    authentication_classes = ()
    url_name = "schema"
    template_name = "api_docs.html"
    metadata_class = None
