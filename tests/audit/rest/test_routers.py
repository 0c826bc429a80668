"""Addresses of viewsets: DRF's `@action` too, and none that is refused to everybody."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured
from rest_framework.decorators import action
from rest_framework.response import Response

from audit.rest.routers import UUID_REGEX, HubRouter
from audit.rest.views import ActionSpec, StaffView
from audit.rest.viewsets import ResourceViewSet
from customers.api.serializers.customer_related import FlagSerializer
from customers.models import Flag


class Table(ResourceViewSet):
    model = Flag
    serializer_class = FlagSerializer

    @action(detail=True, methods=["post"])
    def wave(self, request, **_):
        return Response()

    @action(detail=False, methods=["get"])
    def usage(self, request, **_):
        return Response()


def specs(*names):
    return {name: ActionSpec("customers.view_flag", FlagSerializer) for name in names}


def test_actions_have_addresses_literal_ones_before_identifiers():
    class Named(Table):
        action_specs = Table.action_specs | specs("wave", "usage")

    router = HubRouter()
    router.register("flags", Named)

    assert [str(url.pattern) for url in router.urls] == [
        "^api/v1/flags/?$",
        "^api/v1/flags/usage/?$",
        f"^api/v1/flags/(?P<pk>{UUID_REGEX})/?$",
        f"^api/v1/flags/(?P<pk>{UUID_REGEX})/wave/?$",
    ]


def test_an_action_without_a_spec_cannot_be_registered():
    with pytest.raises(ImproperlyConfigured, match=r"Table\.(usage|wave) has an addr"):
        HubRouter().register("flags", Table)


def test_a_method_without_a_spec_has_no_view():
    class Hello(StaffView):
        def get(self, request):
            return Response()

    with pytest.raises(ImproperlyConfigured, match=r"Hello\.get has no ActionSpec"):
        Hello.as_view()
