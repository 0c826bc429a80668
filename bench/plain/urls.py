"""The hub's own routes, and the plain one beside them."""

from __future__ import annotations

from django.urls import include, path
from rest_framework import generics, serializers
from rest_framework.permissions import AllowAny

from bench.plain.models import PlainEvent


class PlainSerializer(serializers.ModelSerializer[PlainEvent]):
    class Meta:
        model = PlainEvent
        fields = ("id", "name", "email", "payload", "received_at")


class PlainView(generics.CreateAPIView[PlainEvent]):
    queryset = PlainEvent.objects.all()
    serializer_class = PlainSerializer
    permission_classes = (AllowAny,)


urlpatterns = [
    path("plain", PlainView.as_view()),
    path("", include("config.urls")),
]
