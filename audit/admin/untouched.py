"""What the person did not change stays as it is stored, whoever saved it meanwhile.

A form is drawn, and sent later. In between somebody else may have saved the row, and
the person may have come to see columns that were masked and so not drawn at all.
"""

from __future__ import annotations

from collections.abc import Iterable

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model


def was_sent(form: forms.BaseForm, name: str, *, was_drawn: bool) -> bool:
    """Tell whether a field of a sent form holds what the person left in it.

    `was_drawn` says that the form is known to have shown it.
    """
    widget, key = form.fields[name].widget, form.add_prefix(name)
    if widget.value_omitted_from_data(form.data, form.files, key):
        return False
    # A box without its tick is not sent, and its widget never says that it is missing.
    return was_drawn or key in form.data or widget.value_omitted_from_data({}, {}, key)


def carry_initial(form: forms.BaseForm, names: Iterable[str]) -> None:
    """Let a form carry what it was drawn with: changed is what differs from that.

    A field that was not sent is closed, and so stays as it is.
    """
    for name in names:
        field = form.fields[name]
        field.show_hidden_initial = not form.is_bound or _carries_initial(form, name)
        field.disabled = form.is_bound and not was_sent(
            form, name, was_drawn=field.show_hidden_initial
        )
        if field.disabled:
            # Else the form that comes back would say that it was open there.
            field.show_hidden_initial = False


def _carries_initial(form: forms.BaseForm, name: str) -> bool:
    widget = form.fields[name].hidden_widget()
    key = form.add_initial_prefix(name)
    return not widget.value_omitted_from_data(form.data, form.files, key)


class UntouchedForm(forms.ModelForm):
    """A form that writes only the columns that the person has changed."""

    @property
    def touched(self) -> set[str]:
        """The columns that the person has changed."""
        return set(self.changed_data) & columns_of(self.instance)

    def _get_validation_exclusions(self) -> set[str]:
        names: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]  # not in the stubs
        if self.instance._state.adding:
            return names
        return names | (drawn_columns(self) - self.touched)

    def _post_clean(self) -> None:
        if not self.instance._state.adding:
            # An input shows no microseconds, and would take them away. What is stored
            # from before a rule keeps nobody from changing another column.
            for name in drawn_columns(self) - self.touched:
                self.cleaned_data.pop(name, None)
                self.errors.pop(name, None)
        super()._post_clean()  # type: ignore[misc]  # not in the stubs
        if not self.instance._state.adding:
            self._forgive(drawn_columns(self) - self.touched)

    def _forgive(self, names: set[str]) -> None:
        """Drop what the model says of stored values in columns of these names."""
        if not names & self.errors.keys():
            return
        others = columns_of(self.instance) - (names & self.errors.keys())
        try:
            self.instance.clean_fields(exclude=others)
        except ValidationError as error:
            for name in error.error_dict:
                del self.errors[name]


def columns_of(instance: Model) -> set[str]:
    """Return the names of the columns of a row."""
    return {field.name for field in instance._meta.fields}


def drawn_columns(form: forms.ModelForm) -> set[str]:
    """Return the columns that a form has an input for, without its keys."""
    return {
        name
        for name, field in form.fields.items()
        if name in columns_of(form.instance) and not field.widget.is_hidden
    }
