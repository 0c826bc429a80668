"""The base of the canonical API: one viewset for each table, closed until it is named.

A table says its model, its serializers and its filters. What it answers and who may
ask follows from these, for the requests and for the schema.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from django.http import Http404
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from audit import log
from audit.fields import without_long
from audit.history.querysets import view_permission
from audit.json_text import JsonObject
from audit.privacy.classes import business_of, has_subject, personal_fields
from audit.privacy.masking import Room
from audit.rest.expansion import (
    NEWEST,
    Expansion,
    ListExpansion,
    Related,
    RelatedList,
    RelatedValue,
    expanded,
    names_of,
)
from audit.rest.filters import (
    NullsLastOrderingFilter,
    StrictFilterBackend,
    TableFilters,
    as_texts,
    filters_serializer,
)
from audit.rest.model_serializers import (
    HubModelSerializer,
    page_serializer,
    partial_of,
)
from audit.rest.pagination import (
    MAX_OFFSET,
    KeysetPagination,
    PageOrCursorPagination,
)
from audit.rest.routers import UUID_REGEX
from audit.rest.serializers import QuerySerializer, snake_case, unknown_sentence
from audit.rest.views import (
    PARTIAL_TYPE,
    ActionSpec,
    StaffView,
    etag_of,
    parameters_of,
)

_Instance = TypeVar("_Instance", bound=Model)
_Expansion = TypeVar("_Expansion", Related, RelatedList, RelatedValue)
LARGEST_PAGE = 200
# The parameters that name several things.
_LISTS = ("fields", "expand", "ordering")


class DetailQuery(QuerySerializer):
    """The parameters of one row."""

    fields = serializers.CharField(  # type: ignore[assignment]  # a parameter's name
        required=False, help_text="Answer these keys alone, with commas between them."
    )
    expand = serializers.CharField(
        required=False, help_text="Related rows to add, with commas between them."
    )


class CursorQuery(DetailQuery):
    """The parameters of a list without page numbers."""

    cursor = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=200,
        help_text=(
            "As `next` says it. Empty: from the newest on, without a count. Neither "
            "`page` nor `ordering` goes with it, where there are any."
        ),
    )
    page_size = serializers.IntegerField(
        min_value=1, max_value=LARGEST_PAGE, default=50
    )


class ListQuery(CursorQuery):
    """The parameters of a list in pages."""

    page = serializers.IntegerField(
        min_value=1,
        max_value=MAX_OFFSET,
        required=False,
        help_text=(
            f"Pages end with row {MAX_OFFSET}, so with fewer pages of more rows. Not "
            "with `cursor`, which goes on."
        ),
    )
    ordering = serializers.CharField(
        required=False,
        help_text=(
            "Columns, the first one first; with a minus before it downwards. Not with "
            "`cursor`."
        ),
    )


class InstanceViewSet(StaffView, GenericViewSet[Any]):
    """Lists rows and shows one of them.

    `get_queryset` of each says which rows; without one there are none. `serialize` says
    what is shown of them.
    """

    model: ClassVar[type[Model]]
    serializer_class: type[serializers.Serializer[Any]]
    pagination_class: type[KeysetPagination] = KeysetPagination
    # The column by which cursors walk; never null.
    cursor_field: ClassVar[str] = "created_at"
    has_versions: ClassVar[bool] = False
    # Those with `@action` that a table has only if `action_specs` names them.
    optional_actions: ClassVar[frozenset[str]] = frozenset()
    # What access events call these rows.
    event_prefix: ClassVar[str] = "customer"
    # Which keyword of the address names a row.
    lookup_url_kwarg: str = "pk"

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if "model" in cls.__dict__:
            # Closed by default, and where the schema finds out the types of filters.
            cls.queryset = cls.model._default_manager.none()
            if "action_specs" not in cls.__dict__:
                cls.action_specs = cls.get_action_specs()

    @classmethod
    def get_action_specs(cls) -> dict[str, ActionSpec]:
        """Return what each action needs, takes and answers."""
        raise NotImplementedError  # each base has parameters of its own

    def get_object(self) -> Any:
        """Return the instance of the address, which a write may change.

        Raises Http404 for one that is not seen, PermissionDenied for one that is.
        """
        instance = self.get_by_reference(self.kwargs[self.lookup_url_kwarg])
        self.check_object_permissions(self.request, instance)
        return instance

    def get_by_reference(self, reference: str) -> Any:
        """Return one instance. Raises Http404 for a missing and a foreign one alike."""
        try:
            key = UUID(reference)
        except ValueError:
            key = None
        instance = self.get_queryset().filter(pk=key).first() if key else None
        if instance is None:
            raise self.missing(self.model, reference)
        return instance

    def missing(self, model: type[Model], reference: str) -> Http404:
        """Note that somebody asked for what is not theirs, and return the 404."""
        label = model._meta.label_lower
        self.actor.operation.refuse("not_found", label, reference)
        return Http404()

    def serialize(
        self, instances: Iterable[Any], *, is_detail: bool = False, **selection: Any
    ) -> list[JsonObject]:
        """Return what is answered of each."""
        raise NotImplementedError  # each base masks in its own way

    @property
    def selection(self) -> JsonObject:
        """What of the rows the request asks for; here they are shown whole."""
        return {}

    def note_access(self, verb: str, instances: Iterable[Any], **details: Any) -> None:
        """Note for the access event whom the answer shows."""
        if personal_fields(self.model) or has_subject(self.model):
            action = f"{self.event_prefix}.{verb}"
            log.note_access(action, instances, actor=self.actor, **details)

    def answer_instance(self, instance: Any, status: int = 200) -> Response:
        """Answer one instance."""
        [body] = self.serialize([instance], is_detail=True, **self.selection)
        self.note_access("viewed", [instance], target=instance)
        headers = {"ETag": etag_of(instance.rev)} if self.has_versions else {}
        return Response(body, status, headers=headers)

    def answer_page(self, queryset: QuerySet[Model], search: str = "") -> Response:
        """Answer the page that is asked for."""
        instances = self.paginate_queryset(queryset) or []
        verb = "searched" if search else "listed"
        self.note_access(verb, instances, query=search or None)
        return self.get_paginated_response(self.serialize(instances, **self.selection))

    def list(self, request: Request, **_: object) -> Response:
        """List rows, newest first."""
        return self.answer_page(self.get_queryset())

    def retrieve(self, request: Request, **_: object) -> Response:
        """Show one row."""
        return self.answer_instance(self.get_object())


class ResourceViewSet(InstanceViewSet):
    """Lists the rows of a table and shows one of them.

    `related` are the rows that `expand` may name.
    """

    serializer_class: type[HubModelSerializer]
    filterset_class: ClassVar[type[TableFilters]] = TableFilters
    # The filters of `POST …/query`, of a table that has it.
    query_filterset_class: ClassVar[type[TableFilters] | None] = None
    optional_actions = frozenset({"query"})
    filter_backends = (StrictFilterBackend, NullsLastOrderingFilter)
    pagination_class: type[KeysetPagination] = PageOrCursorPagination
    # What `ordering` takes; a mapping where a name is not that of its column.
    ordering_fields: ClassVar[Sequence[str] | Mapping[str, str]] = ()
    related: ClassVar[Mapping[str, Expansion]] = {}
    lookup_value_regex: str = UUID_REGEX
    # Given to `as_view` where the address names the row that these belong to.
    parent: str = ""

    @classmethod
    def get_action_specs(cls) -> dict[str, ActionSpec]:
        """Return what each action needs, takes and answers."""
        view, response = view_permission(cls.model), cls.answer()
        partial = partial_of(response)
        has_pages = issubclass(cls.pagination_class, PageOrCursorPagination)
        listed = ActionSpec(
            view,
            page_serializer(response),
            query=ListQuery if has_pages else CursorQuery,
            partial=page_serializer(partial),
        )
        specs = {}
        if cls.query_filterset_class is not None:
            name = cls.serializer_class.__name__.removesuffix("Serializer")
            body = filters_serializer(cls.query_filterset_class, f"{name}Query")
            specs["query"] = replace(listed, body=body, takes_key=False)
        return specs | {
            "list": listed,
            "retrieve": ActionSpec(
                view,
                response,
                query=DetailQuery,
                has_versions=cls.has_versions,
                partial=partial,
            ),
        }

    @classmethod
    def answer(cls) -> type[HubModelSerializer]:
        """Return the serializer of a row with everything that may stand beside it."""
        return expanded(cls.serializer_class, tuple(cls.related.items()))

    # --- which rows -----------------------------------------------------------------

    def with_related(self, queryset: QuerySet[_Instance]) -> QuerySet[_Instance]:
        """Load what `expand` names in the same statement."""
        paths = self.related_paths()
        return queryset.select_related(*paths) if paths else queryset

    def related_paths(self) -> list[str]:
        """Return what `expand` needs, as `select_related` names it."""
        names = self.params.get("expand", ())
        related = self._expansions(Related, names).values()
        paths = [path for one in related for path in (one.path, *one.loads)]
        for value in self._expansions(RelatedValue, names).values():
            paths += value.loads
        return paths

    # --- what was asked -------------------------------------------------------------

    def check_query(self, request: Request) -> JsonObject:
        """Return the checked parameters, those of filters under `filters`.

        Raises ValidationError for unknown ones, and names the nearest known one.
        """
        filters: dict[str, str] = {}
        params: dict[str, str] = {}
        filter_names = (
            self.filterset_class.base_filters if self.action == "list" else {}
        )
        lists = {*_LISTS, *(n for n in filter_names if n.endswith("__in"))}
        for key, value in parameters_of(request.query_params, lists).items():
            name = snake_case(str(key))
            if name in filter_names:
                filters[name] = value
            else:
                params[key] = value
        checked = self.spec.query.checked(params, other_names=filter_names)  # type: ignore[union-attr]  # only asked where there is one
        if {"page", "ordering"} & checked.keys() and "cursor" in checked:
            text = "A cursor walks from the newest on. Leave page and ordering out."
            detail = ErrorDetail(text, "conflicting_parameters")
            raise ValidationError({"cursor": [detail]})
        is_list = self.action in ("list", "query")
        choices = names_of(self.related, is_list=is_list)
        checked["expand"] = self._names(checked, "expand", choices)
        keys = [name.partition(".")[0] for name in checked["expand"]]
        columns = [*self.serializer_class().fields, *keys]
        checked["fields"] = self._names(checked, "fields", columns) or None
        if self.action == "query":
            filters = as_texts(self.body())
        if self.action in ("list", "query"):
            self.filterset = self.make_filterset(filters)
            self.filterset.check()
        return checked

    def make_filterset(self, filters: Mapping[str, str]) -> TableFilters:
        """Return the filters of this request with their values, which are unchecked."""
        is_query = self.action == "query" and self.query_filterset_class
        filterset_class = self.query_filterset_class if is_query else None
        return (filterset_class or self.filterset_class)(
            filters, queryset=self.model._default_manager.none(), actor=self.actor
        )

    def _names(
        self, checked: JsonObject, key: str, choices: Iterable[str]
    ) -> list[str]:
        """Return the names that a parameter lists. Raises ValidationError."""
        parts = [snake_case(p.strip()) for p in checked.get(key, "").split(",")]
        names = list(dict.fromkeys(part for part in parts if part))
        choices = list(choices)
        for name in names:
            if name not in choices:
                code = "unknown_field" if key == "fields" else "unknown_expansion"
                text = unknown_sentence(name, choices)
                raise ValidationError({key: [ErrorDetail(text, code)]})
        return names

    # --- what is shown --------------------------------------------------------------

    @property
    def selection(self) -> JsonObject:
        """Which columns and related rows the answer shows."""
        return {name: self.params[name] for name in ("fields", "expand")}

    def _columns(self) -> Iterator[str]:
        """Yield the columns that the answer shows, those of related rows by path."""
        only = self.params["fields"]
        for name, column in self.serializer_class().fields.items():
            if only is None or name in only:
                yield str(column.source or name)
        for related in self._expansions(Related, self.params["expand"]).values():
            for key, column in related.serializer_class().fields.items():
                yield f"{related.path}__{column.source or key}"

    def serialize(
        self, instances: Iterable[Any], *, is_detail: bool = False, **selection: Any
    ) -> list[JsonObject]:
        """Return what is answered of each; in lists everybody's are masked."""
        context: dict[str, object] = {"has_perm": self.actor.has_perm}
        if is_detail:
            context["is_unmasked"] = self.can_see_unmasked
        else:
            context["room"] = Room()
        serializer = self.serializer_class(context=context)
        names, only = selection.get("expand", ()), selection.get("fields")
        if only is not None:
            for name in set(serializer.fields) - set(only):
                del serializer.fields[name]
            names = [name for name in names if name.partition(".")[0] in only]
        instances = list(instances)
        data = [serializer.to_representation(instance) for instance in instances]
        self._expand(instances, data, names, context)
        return data

    def _expand(
        self,
        instances: Sequence[Any],
        data: Sequence[JsonObject],
        names: Sequence[str],
        context: JsonObject,
    ) -> None:
        """Put beside each row what `expand` names."""
        for key, related in self._expansions(Related, names).items():
            serializer = related.serializer_class(context=context)
            for instance, body in zip(instances, data, strict=True):
                body[key] = self._represent_related(related, serializer, instance)
        # All lists of an answer together show so much of long texts.
        room: Any = context.get("room", Room())
        for key, listed in self._expansions(RelatedList, names).items():
            inner = [n.partition(".")[2] for n in names if n.startswith(f"{key}.")]
            expansion = ListExpansion(key, listed, inner, room)
            self._add_list(expansion, instances, data)
        for key, value in self._expansions(RelatedValue, names).items():
            for instance, body in zip(instances, data, strict=True):
                body[key] = self._represent_value(value, instance)

    def _expansions(
        self, kind: type[_Expansion], names: Iterable[str]
    ) -> dict[str, _Expansion]:
        """Return those of a kind that are named, by their keys in the answer."""
        keys = dict.fromkeys(name.partition(".")[0] for name in names)
        return {n: e for n in keys if isinstance(e := self.related[n], kind)}

    def _add_list(
        self,
        expansion: ListExpansion,
        instances: Sequence[Any],
        data: Sequence[JsonObject],
    ) -> None:
        """Put the newest related rows beside each row; as in lists they are masked."""
        name, related, inner, room = expansion
        context = {"has_perm": self.actor.has_perm, "room": room}
        serializer = related.serializer_class(context=context)
        queryset = self.visible_queryset(related.model)
        listed = related.newest(queryset, [each.pk for each in instances])
        newest = {pk: several[:NEWEST] for pk, several in listed.items()}
        every = [one for several in newest.values() for one in several]
        answers = {one.pk: serializer.to_representation(one) for one in every}
        for key in inner:
            answered = [answers[one.pk] for one in every]
            nested = ListExpansion(key, related.lists[key], (), room)
            self._add_list(nested, every, answered)
        for instance, body in zip(instances, data, strict=True):
            if not self.actor.has_perm(related.permission, business_of(instance)):
                body[name] = None
                continue
            body[name] = {
                "results": [answers[one.pk] for one in newest.get(instance.pk, ())],
                "has_more": len(listed.get(instance.pk, ())) > NEWEST,
            }

    def _represent_value(
        self, value: RelatedValue, instance: Model
    ) -> JsonObject | None:
        if not self.actor.has_perm(value.permission, business_of(instance)):
            return None
        data = value.serializer_class(value.get(instance, self.actor)).data
        return dict(data)

    def visible_queryset(self, model: type[Model]) -> Any:
        """Return the rows of another table that the actor may see."""
        raise NotImplementedError  # each app has selectors of its own

    def _represent_related(
        self, related: Related, serializer: HubModelSerializer, instance: Model
    ) -> JsonObject | None:
        related_instance = related.of(instance)
        if related_instance is None or not self.can_see(related, related_instance):
            return None
        return serializer.to_representation(related_instance)

    def can_see(self, related: Related, other: object) -> bool:
        """Tell whether the actor may look at this related instance."""
        return self.actor.has_perm(related.permission, business_of(other))

    def finalize_response(
        self, request: Request, response: Response, *args: object, **kwargs: object
    ) -> Response:
        if self._is_partial and response.status_code < HTTPStatus.BAD_REQUEST:
            response.content_type = PARTIAL_TYPE
        return super().finalize_response(request, response, *args, **kwargs)

    @property
    def _is_partial(self) -> bool:
        """Tell whether the answer has the keys alone that `fields` names."""
        return getattr(self, "params", {}).get("fields") is not None

    # --- actions --------------------------------------------------------------------

    def list(self, request: Request, **_: object) -> Response:
        """List the rows that the filters keep, a page at a time."""
        queryset = self.filter_queryset(self.get_queryset())
        queryset = without_long(queryset, columns=self._columns())
        return self.answer_page(queryset, self.filterset.searched)

    @action(detail=False, methods=["post"])
    def query(self, request: Request, **_: object) -> Response:
        """List the rows that filters in the body keep. Nothing is written.

        What the list takes in its address, and personal data, which no address may say:
        logs and histories hold those. Pages, `ordering`, `fields` and `expand` stand in
        the address; send the same body to `next`.
        """
        return self.list(request)
