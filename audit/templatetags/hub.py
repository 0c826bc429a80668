"""What the templates of the frame need: icons, navigation, the way, chips, errors."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import template
from django.contrib.admin.helpers import AdminReadonlyField
from django.db.models import BooleanField, DateTimeField, DecimalField, Field, JSONField
from django.db.models.options import Options
from django.template.context import Context
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from audit.admin.display import (
    active_filters,
    ago,
    draw_json,
    in_second_zone,
    moment,
    short_decimal,
    to_second,
    yes_or_no,
)

register = template.Library()
register.filter(ago)
register.filter(moment)
register.filter(to_second, expects_localtime=True)
register.simple_tag(active_filters)

# What a page below a row is called, by the end of its address; else by its title.
_PAGES = {
    "change": _("Edit"),
    "history": _("History"),
    "add": _("New"),
    "password": _("Password"),
}


@register.simple_tag
def icon(name: str, size: int = 16) -> SafeString:
    """Draw an icon of the sprite, which says nothing to a screen reader."""
    return format_html(
        '<svg class="icon" width="{0}" height="{0}" aria-hidden="true" '
        'focusable="false"><use href="{1}#{2}"></use></svg>',
        size,
        static("hub/icons.svg"),
        name,
    )


@register.inclusion_tag("hub/side.html", takes_context=True)
def side_nav(context: Context) -> dict[str, Any]:
    """Draw the side navigation, with the entry of this page marked."""
    path = context["request"].path
    groups = context.get("available_apps") or []
    urls = [m["admin_url"] for g in groups for m in g["models"] if m["admin_url"]]
    # The longest: `…/customer/import/` is an entry of its own.
    here = max((u for u in urls if path.startswith(u)), key=len, default="")
    home = reverse("admin:index")
    return {
        "groups": [
            {**group, "is_open": here in [m["admin_url"] for m in group["models"]]}
            for group in groups
        ],
        "current": here,
        "home": home,
        "is_home": path == home,
    }


@register.simple_tag(takes_context=True)
def crumbs(context: Context) -> list[dict[str, str]]:
    """Return the way to this page: list, row, page below the row.

    From what each page of the admin says of itself, so that no page draws its own.
    The last step is the page itself and has no address.
    """
    opts = context.get("opts") or getattr(context.get("cl"), "opts", None)
    title = str(context.get("title") or "")
    path = context["request"].path
    if opts is None or not hasattr(opts, "verbose_name_plural"):
        home, account = reverse("admin:index"), reverse("admin:account")
        if not title or path == home:
            return []
        way = [{"name": pgettext("page", "Home"), "url": home}]
        if path.startswith(account) and path != account:
            way.append({"name": gettext("Your account"), "url": account})
        return [*way, {"name": title}]
    plural = capfirst(str(opts.verbose_name_plural))
    # Back to the list as it was: Django carries its filters along.
    filters = context["request"].GET.get("_changelist_filters", "")
    listed = _page_url(opts, "changelist") + (f"?{filters}" if filters else "")
    way = [{"name": plural, "url": listed}]
    instance = context.get("original") or context.get("object")
    if pk := getattr(instance, "pk", None):
        url = _page_url(opts, "page", pk) or _page_url(opts, "change", pk)
        way.append({"name": str(instance), "url": url})
    if way[-1]["url"] == path:
        way[-1]["url"] = ""
        return way if len(way) > 1 else []
    end = path.rstrip("/").rpartition("/")[2]
    return [*way, {"name": str(_PAGES.get(end, title))}]


def _page_url(opts: Options, page: str, *args: object) -> str:
    try:
        return reverse(f"admin:{opts.app_label}_{opts.model_name}_{page}", args=args)
    except NoReverseMatch:
        return ""


@register.simple_tag(takes_context=True)
def refused_fields(context: Context) -> list[dict[str, str]]:
    """Return each refused field of a form and of its inlines, with its place."""
    # Of a page of Django's, or of a page with one form of ours.
    adminform = context.get("adminform")
    forms = [adminform.form if adminform else context["form"]]
    for inline in context.get("inline_admin_formsets") or []:
        forms += inline.formset.forms
    refused = []
    for form in forms:
        # A form of an inline that only displays rows has a plain dict.
        for name, errors in form.errors.items():
            field = form[name] if name in form.fields else None
            label = capfirst(field.label) if field else ""
            place = (field.id_for_label or field.auto_id) if field else ""
            refused += [{"label": label, "text": str(e), "id": place} for e in errors]
    return refused


@register.filter
def chips_in_words(chips: list[dict[str, str]]) -> SafeString:
    """Return what a list is narrowed by: *status Open, city Oslo*."""
    pairs = ((chip["name"], chip["value"]) for chip in chips)
    return format_html_join(", ", "{} <b>{}</b>", pairs)


@register.filter
def earlier_saves(saves: list[tuple[str, datetime]]) -> SafeString:
    """Return who saved before the newest, and when: *, Ida 3 min ago*."""
    return format_html_join(
        "", ", {} {}", ((who, ago(when)) for who, when in saves[1:])
    )


@register.filter
def contents(field: AdminReadonlyField) -> str:
    """Return a value that a form only shows, in words: *Yes*, 42.00, a table."""
    instance = field.form.instance
    columns = {column.name: column for column in instance._meta.concrete_fields}
    # A method may be called like a relation that leads here: it is no column.
    column = columns.get(str(field.field["field"]))
    if column is None:
        return field.contents()
    value = getattr(instance, column.attname)
    if value is not None and isinstance(column, DecimalField):
        return number_format(short_decimal(value))
    if value is not None and isinstance(column, BooleanField):
        return yes_or_no(value)
    if value is not None and isinstance(column, JSONField):
        return draw_json(value)
    return _plain_contents(field, column, value)


def _plain_contents(field: AdminReadonlyField, column: Field, value: Any) -> str:
    if value is None:
        return str(field.empty_value_display)
    also = in_second_zone(value) if isinstance(column, DateTimeField) else ""
    return format_html("{} {}", field.contents(), also) if also else field.contents()


@register.filter
def initials(name: object) -> str:
    """Return up to two letters that stand for a name."""
    words = [word for word in str(name or "").split() if word[:1].isalnum()]
    letters = "".join(word[0] for word in (words[:1] + words[1:][-1:]))
    return letters.upper() or "?"
