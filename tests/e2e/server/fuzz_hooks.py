"""What schemathesis has to know of the hub; it loads this module beside the schema.

Each exception from its checks stands here or in test_schemathesis.py, with its reason.
"""

from __future__ import annotations

import os

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    """Bring the CSRF cookie along with a session, as a browser does."""
    headers = {name.lower() for name in case.headers}
    if "x-csrftoken" in headers:
        case.cookies["csrftoken"] = os.environ["FUZZ_CSRF"]
