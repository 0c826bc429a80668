"""The writing half of the canonical API: create, change, archive, restore, in bulk."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from django.core.exceptions import ValidationError as RuleBroken
from django.db import transaction
from django.db.models import Model, QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from audit.database.batches import in_batches
from audit.json_text import JsonObject, JsonValue
from audit.privacy.classes import business_of
from audit.rest.exceptions import ApiError
from audit.rest.model_serializers import CreateSerializer, with_fields
from audit.rest.serializers import StrictSerializer
from audit.rest.views import ActionSpec, StaffView
from audit.rest.viewsets import ResourceViewSet

_Model = TypeVar("_Model", bound=Model)

LARGEST_BATCH = 100
_DOES_NOT_EXIST = ErrorDetail("There is no such row.", "does_not_exist")


class Reason(StrictSerializer):
    """Why something is done; may be left out."""

    reason = serializers.CharField(max_length=500, required=False)


class ItemDone(serializers.Serializer[JsonObject]):
    """What became of one item: `id` and `rev` of a success, else what is wrong."""

    index = serializers.IntegerField()
    status = serializers.IntegerField()
    id = serializers.UUIDField(required=False)
    rev = serializers.IntegerField(required=False)
    code = serializers.CharField(required=False)
    message = serializers.CharField(required=False)
    errors = serializers.ListField(  # type: ignore[assignment]  # as in problems
        child=serializers.DictField(), required=False
    )


class BulkDone(serializers.Serializer[JsonObject]):
    """What became of each item, in the order in which they were sent."""

    results = ItemDone(many=True)
    succeeded = serializers.IntegerField()
    failed = serializers.IntegerField()


def _bulk_done(extra: Mapping[str, serializers.Field]) -> type[BulkDone]:
    """Return the answer to a bulk act, of which an item may have more keys."""
    if not extra:
        return BulkDone
    item = type("ItemDone", (ItemDone,), {"__doc__": ItemDone.__doc__, **extra})
    body = {"__doc__": BulkDone.__doc__, "results": item(many=True)}
    return type("BulkDone", (BulkDone,), body)


@contextmanager
def stale_as_412(view: StaffView, read_again: Callable[[], Any]) -> Iterator[None]:
    """Raise ApiError 412 with the current version when a service finds another."""
    try:
        yield
    except RuleBroken as error:
        if getattr(error, "code", "") == "stale_version":
            raise view.stale(read_again().rev) from error
        raise


@cache
def batch_of(item: type[StrictSerializer]) -> type[StrictSerializer]:
    """Return the body of a bulk act. Each item is checked by itself."""

    @extend_schema_field(item(many=True))
    class Items(serializers.ListField):
        child = serializers.JSONField()

    name = item.__name__.removesuffix("Serializer")
    items = Items(min_length=1, max_length=LARGEST_BATCH)
    return type(f"{name}Batch", (StrictSerializer,), {"items": items})


class WritableViewSet(ResourceViewSet):
    """Writes rows too, as far as the table says how."""

    optional_actions = ResourceViewSet.optional_actions | {
        "archive",
        "restore",
        "bulk_create",
    }
    create_serializer_class: ClassVar[type[CreateSerializer] | None] = None
    update_serializer_class: ClassVar[type[CreateSerializer] | None] = None
    # The services of the app that write a row, and return it with what is shown beside
    # it: they take the row, `actor`, `expected_rev` and the changes or the reason.
    update_service: ClassVar[Callable[..., Model]]
    archive_service: ClassVar[Callable[..., Model]]
    restore_service: ClassVar[Callable[..., Model]]
    # Which tables the ids in a body name; of the same business, and seen by the actor.
    references: ClassVar[Mapping[str, type[Model]]] = {}
    # The permission to archive and restore, of a table whose rows can be.
    archive_permission: ClassVar[str] = ""
    # The permission to write many rows at once.
    bulk_permission: ClassVar[str] = ""
    # Keys that the answer to a write has besides those of the row, by `about_written`.
    written_fields: ClassVar[Mapping[str, serializers.Field]] = {}

    @classmethod
    def get_action_specs(cls) -> dict[str, ActionSpec]:
        """Return what each action needs, takes and answers."""
        specs = super().get_action_specs()
        response, meta = cls.answer(), cls.model._meta
        written = with_fields(response, "Written", cls.written_fields)
        new, changed = cls.create_serializer_class, cls.update_serializer_class
        if new:
            add_permission = f"{meta.app_label}.add_{meta.model_name}"
            specs["create"] = ActionSpec(add_permission, written, 201, new)
        if changed:
            change_permission = f"{meta.app_label}.change_{meta.model_name}"
            specs["partial_update"] = ActionSpec(
                change_permission, written, body=changed, has_versions=cls.has_versions
            )
        if archive_permission := cls.archive_permission:
            specs["destroy"] = ActionSpec(archive_permission, None, 204, Reason)
            specs["archive"] = ActionSpec(archive_permission, response, body=Reason)
            specs["restore"] = ActionSpec(archive_permission, response, body=Reason)
        if (bulk_permission := cls.bulk_permission) and new and changed:
            done = _bulk_done(cls.written_fields)
            bulk = partial(ActionSpec, bulk_permission, done, has_parts=True)
            specs["bulk_create"] = bulk(body=batch_of(new))
            specs["bulk_update"] = bulk(body=batch_of(_item_of(changed)))
        return specs

    # --- what a table's app does ----------------------------------------------------

    def visible_queryset(self, model: type[_Model]) -> QuerySet[_Model]:
        """Return the rows of this or another table that the actor may see."""
        raise NotImplementedError  # each app has selectors of its own

    def perform_create(self, values: JsonObject) -> Model:
        """Create a row of checked values."""
        raise NotImplementedError  # each app has services of its own

    def perform_update(
        self, instance: Model, expected_rev: int | None, changes: JsonObject
    ) -> Model:
        """Change a row, and return it with what is shown beside it."""
        return self.update_service(
            instance, actor=self.actor, expected_rev=expected_rev, **changes
        )

    def about_written(self, instance: Any, sent: JsonValue) -> JsonObject:
        """Return values of `written_fields` for a row, and the body it was sent in."""
        return {}

    def check_references(
        self, values: JsonObject, *, business_id: UUID, **same: object
    ) -> None:
        """Check that the ids in a body name rows of the business that the actor sees.

        `same` are columns in which those rows agree with the written one, if they have
        them. Raises ValidationError.
        """
        wrong: dict[str, list[ErrorDetail]] = {}
        for name, model in self.references.items():
            key = values.get(name)
            if key is None:
                continue
            queryset = self.visible_queryset(model).filter(pk=key, business=business_id)
            columns = {field.attname for field in model._meta.concrete_fields}
            queryset = queryset.filter(
                **{k: v for k, v in same.items() if k in columns}
            )
            if not queryset.exists():
                wrong[name] = [_DOES_NOT_EXIST]
        if wrong:
            raise ValidationError(wrong)

    # --- actions --------------------------------------------------------------------

    def create(self, request: Request, **_: object) -> Response:
        """Create a row."""
        created = self.perform_create(self.body())
        instance = self.get_by_reference(self.get_reference(created))
        response = self.answer_written(instance, 201)
        response["Location"] = self.address_of(instance)
        return response

    def partial_update(self, request: Request, **_: object) -> Response:
        """Change a row; what is not named stays."""
        instance = self.get_object()
        rev = self.check_if_match(instance)
        changes = self.changes_of(instance, self.spec.body, request.data)  # type: ignore[union-attr,arg-type]  # only asked where there is one
        with stale_as_412(self, partial(self._read_again, instance)):
            written = self.perform_update(instance, rev, changes)
        return self.answer_written(written)

    def destroy(self, request: Request, **_: object) -> Response:
        """Archive a row: it is hidden, and nothing is removed. Twice is once."""
        try:
            self._archive_or_restore(self.archive_service)
        except RuleBroken as error:
            if getattr(error, "code", "") != "already_archived":
                raise
        return Response(status=204)

    @action(detail=True, methods=["post"])
    def archive(self, request: Request, **_: object) -> Response:
        """Archive a row: it is hidden, and nothing is removed."""
        return self.answer_instance(self._archive_or_restore(self.archive_service))

    @action(detail=True, methods=["post"])
    def restore(self, request: Request, **_: object) -> Response:
        """Bring an archived row back."""
        return self.answer_instance(self._archive_or_restore(self.restore_service))

    @action(detail=False, methods=["post"], url_path="bulk")
    def bulk_create(self, request: Request, **_: object) -> Response:
        """Create up to 100 rows; those that are wrong are named, the others stand."""

        def create(item: JsonValue) -> Model:
            serializer = self.create_serializer_class(data=item, context={"view": self})  # type: ignore[misc]  # set where this is called
            serializer.is_valid(raise_exception=True)
            return self.perform_create(serializer.validated_data)

        return self._each(self._items(), create, 201)

    @bulk_create.mapping.patch
    def bulk_update(self, request: Request, **_: object) -> Response:
        """Change up to 100 rows; those that are wrong are named, the others stand."""
        body = _item_of(self.update_serializer_class)

        def update(item: JsonValue) -> Model:
            if not _id_in(item):
                raise ValidationError({"id": [ErrorDetail("Say which.", "required")]})
            instance = self.get_by_reference(_id_in(item))
            self.check_object_permissions(self.request, instance)
            changes = self.changes_of(instance, body, item)
            changes.pop("id", None)
            rev = changes.pop("rev", None)
            return self.perform_update(instance, rev, changes)

        # In the order of their ids, so that two of these cannot wait for each other.
        items = sorted(self._items(), key=lambda pair: _sort_key(pair[1]))
        return self._each(items, update, 200)

    # --- parts of them --------------------------------------------------------------

    def answer_written(self, instance: Any, status: int = 200) -> Response:
        """Answer a row that was written, and what there is to say of that."""
        response = self.answer_instance(instance, status)
        sent: Any = self.request.data
        response.data.update(self.about_written(instance, sent))
        return response

    def _archive_or_restore(self, service: Callable[..., Model]) -> Model:
        """Archive or restore a row, and return it as it was written."""
        instance = self.get_object()
        rev, reason = self.check_if_match(instance), self.reason()
        with stale_as_412(self, partial(self._read_again, instance)):
            return service(instance, actor=self.actor, expected_rev=rev, reason=reason)

    def _read_again(self, instance: Model) -> Any:
        return self.get_by_reference(self.get_reference(instance))

    def _items(self) -> list[tuple[int, JsonValue]]:
        """Return the numbered items. Raises ApiError 400 for a version of them all."""
        if "If-Match" in self.request.headers:
            sentence = "If-Match is about one row. Send rev with each item instead."
            raise ApiError(400, "conflicting_parameters", sentence)
        return list(enumerate(self.body()["items"]))

    def check_if_match(self, instance: Any) -> int | None:
        """Return the version that `If-Match` names. Raises ApiError 412 for another."""
        if not self.has_versions:
            self.refuse_version()
            return None
        return self.expected_rev(instance.rev)

    def changes_of(
        self, instance: Any, body: type[CreateSerializer], data: JsonValue
    ) -> JsonObject:
        """Return the checked changes of a row; what stood beside it is none."""
        if isinstance(data, Mapping):
            data = {k: v for k, v in data.items() if k not in self.written_fields}
        [answered] = self.serialize([instance], is_detail=True)
        context = {
            "view": self,
            "instance": instance,
            "seen": json.loads(self.as_json(answered)),
            "is_unmasked": self.can_see_unmasked(instance),
        }
        serializer = body(data=data, context=context)
        serializer.is_valid(raise_exception=True)
        changes: JsonObject = serializer.validated_data
        same = (
            {"customer_id": instance.customer_id}
            if hasattr(instance, "customer_id")
            else {}
        )
        business_id: Any = business_of(instance)
        self.check_references(changes, business_id=business_id, **same)
        return changes

    def as_json(self, body: object) -> bytes:
        """Return a body as it is sent."""
        return self.renderer_classes[0]().render(body)

    def get_reference(self, instance: Model) -> str:
        """Return what finds a row again, as its address does."""
        return str(instance.pk)

    def reason(self) -> str:
        """Return why it is done."""
        return self.body().get("reason") or "by the API"

    def address_of(self, instance: Model) -> str:
        """Return where a row is shown."""
        name = f"v1_{self.model._meta.model_name}"
        return reverse(name, kwargs={self.lookup_url_kwarg: str(instance.pk)})

    def _each(
        self,
        items: Iterable[tuple[int, JsonValue]],
        act: Callable[[JsonValue], Any],
        status: int,
    ) -> Response:
        """Do an act with each item, in a transaction of its own.

        An item that is refused leaves nothing. Another failure ends the request; what
        was done before it stands, and a repeat with the same key goes on from there.
        """

        def once(number: int, item: JsonValue) -> JsonObject:
            try:
                with transaction.atomic():
                    instance = act(item)
            except Exception as error:
                return {"index": number, **self._refusal_of(error)}
            done = {"index": number, "status": status, "id": str(instance.pk)}
            done |= {"rev": instance.rev} if self.has_versions else {}
            return done | self.about_written(instance, item)

        results, repeats = [], 0
        for _, [(number, item)] in in_batches(items, 1):
            result, is_repeat = self.do_part(number, partial(once, number, item))
            results.append(result)
            repeats += is_repeat
        results.sort(key=lambda result: result["index"])
        succeeded = sum("id" in result for result in results)
        counts = {"succeeded": succeeded, "failed": len(results) - succeeded}
        response = Response({"results": results, **counts})
        if repeats == len(results):
            response["Idempotent-Replayed"] = "true"
        return response

    def _refusal_of(self, error: Exception) -> JsonObject:
        """Return what the problem document of an error says. Raises other errors."""
        if getattr(error, "code", "") == "stale_version":
            error = ApiError(
                412, "stale_version", str(getattr(error, "message", error))
            )
        handler = self.get_exception_handler()
        answer: Any = handler(error, self.get_exception_handler_context())
        if answer is None:
            raise error
        document = json.loads(answer.content)
        return {k: document[k] for k in ("status", "code", "message", "errors")}


@cache
def _item_of(body: type[CreateSerializer]) -> type[CreateSerializer]:
    """Return a change that names its row and, if it likes, the version."""
    named = {
        "id": serializers.UUIDField(),
        "rev": serializers.IntegerField(min_value=1, required=False),
    }
    meta: Any = body.Meta
    fields = [*named, *meta.fields]
    body_of = {**named, "Meta": type("Meta", (meta,), {"fields": fields})}
    name = body.__name__.removesuffix("Serializer")
    return type(f"{name}Item", (body,), body_of)


def _sort_key(item: JsonValue) -> str:
    """Return an id as the database orders it, however it is written."""
    try:
        return UUID(_id_in(item)).hex
    except ValueError:
        return ""


def _id_in(item: JsonValue) -> str:
    return str(item.get("id", "")) if isinstance(item, Mapping) else ""
