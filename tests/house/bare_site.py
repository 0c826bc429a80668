"""Runs the site without `capture`: its app, its tables, and its very code.

Run by test_layers in a process of its own, with the settings of tests.without_capture;
writes one JSON object.
"""

from __future__ import annotations

import json
import sys
from importlib.abc import MetaPathFinder
from typing import Any

import django


class Missing(MetaPathFinder):
    """Lets no module of `capture` be imported, as if the folder were deleted."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.partition(".")[0] == "capture":
            raise ModuleNotFoundError(name)


sys.meta_path.insert(0, Missing())
django.setup()

from django.core.management import call_command  # noqa: E402 - after setup
from django.db import connection  # noqa: E402 - after setup
from django.test import Client  # noqa: E402 - after setup

import config.urls  # noqa: E402, F401 - after setup
from audit.accounts import issue_tokens, save_user  # noqa: E402 - after setup
from audit.models import User  # noqa: E402 - after setup
from audit.tenancy.actors import Actor  # noqa: E402 - after setup
from customers.models import Membership  # noqa: E402 - after setup
from customers.services import create_business, save_record  # noqa: E402 - after setup

OPEN = (
    "/admin/login/",
    "/api/nothing",
    "/api/v1/captures",
    "/demo/",
    "/healthz",
    "/readyz",
)
BY_TOKEN = ("/api/v1/customers", "/api/v1/me", "/api/schema/")
PAGES = ("/admin/", "/admin/customers/customer/", "/admin/account/")


def statuses() -> dict[str, int]:
    user = admin_of_a_business()
    visitor, browser = Client(HTTP_HOST="localhost"), Client(HTTP_HOST="localhost")
    browser.force_login(user)
    token = {"Authorization": f"Bearer {issue_tokens(user).access}"}
    return {
        "/": visitor.get("/", follow=True).status_code,
        **{path: visitor.get(path).status_code for path in OPEN},
        **{path: visitor.get(path, headers=token).status_code for path in BY_TOKEN},
        **{path: browser.get(path).status_code for path in PAGES},
    }


def admin_of_a_business() -> User:
    actor = Actor.system("test")
    user = User(username="ana", is_staff=True)
    save_user(user, actor=actor)
    business = create_business("shop", actor=actor)
    save_record(Membership(business=business, user=user, role="admin"), actor=actor)
    return user


call_command("migrate", verbosity=0)
call_command("check", verbosity=0, fail_level="WARNING")
call_command("maintain", "--yes", stdout=sys.stderr)
answer = {"statuses": statuses(), "tables": connection.introspection.table_names()}
sys.stdout.write(json.dumps(answer))
