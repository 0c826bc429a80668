"""The certificates with which PayPal signs, from PayPal and from nowhere else."""

from __future__ import annotations

import hashlib
import logging
import urllib.error
import urllib.request
from http.client import HTTPResponse

from django.core.cache import cache

from capture.adapters import is_paypal_certificate_url
from capture.models import WebhookEndpoint

logger = logging.getLogger(__name__)

_TIMEOUT = 5
_MAX_BYTES = 100_000
_CACHE_SECONDS = 24 * 3600


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: object, **kwargs: object) -> None:
        """Follow no redirect: it could lead anywhere."""


def paypal_certificate(endpoint: WebhookEndpoint, url: str) -> bytes | None:
    """Return the certificate of a signature, pinned or fetched; None without one.

    Only an https address of paypal.com is asked, without redirects.
    """
    if endpoint.certificate:
        return endpoint.certificate.encode()
    if not is_paypal_certificate_url(url):
        return None
    name = f"paypal:{hashlib.sha256(url.encode()).hexdigest()}"
    cached: bytes | None = cache.get(name)
    if cached is not None:
        return cached
    fetched = _fetch(url)
    if fetched is not None:
        cache.set(name, fetched, _CACHE_SECONDS)
    return fetched


def _fetch(url: str) -> bytes | None:
    opener = urllib.request.build_opener(_NoRedirects)
    try:
        with opener.open(url, timeout=_TIMEOUT) as response:
            answer: HTTPResponse = response
            return answer.read(_MAX_BYTES)
    except (urllib.error.URLError, OSError, ValueError):
        logger.warning("the certificate of PayPal could not be fetched")
        return None
