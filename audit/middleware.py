"""Starts each request with no business within reach, and ends it clean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import FileResponse, HttpRequest, HttpResponseBase

from audit.tenancy import keep_reach, request_reach


class TenancyMiddleware:
    """Stands outermost: what runs before it would reach every business."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with request_reach():
            response: Any = self.get_response(request)
            # A file holds no rows, and servers send it best as it is.
            if response.streaming and not isinstance(response, FileResponse):
                response.streaming_content = keep_reach(response.streaming_content)
            return response
