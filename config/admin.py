"""The admin site: one subclass of Django's, shared by every page."""

from __future__ import annotations

from django.contrib import admin


class HoldfastAdminSite(admin.AdminSite):
    """Django's admin under our name."""

    site_header = "Holdfast"
    site_title = "Holdfast"
    index_title = "Customer hub"
