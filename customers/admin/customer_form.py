"""The form of a customer."""

from __future__ import annotations

from audit.admin.conflicts import RevisedForm


class CustomerForm(RevisedForm):
    """Says what a change of a customer has to be told for."""
