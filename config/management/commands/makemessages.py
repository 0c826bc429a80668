"""Collects every text for translators, those of the models, too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandParser
from django.core.management.commands import makemessages
from django.utils import translation

from config.translations import model_texts

# What the list begins with; its lines are as long as the texts.
_HEAD = '''"""Texts of models, for translators; `manage.py makemessages` writes them."""

# ruff: noqa: E501
# fmt: off
from __future__ import annotations

from django.utils.translation import gettext_noop as _

TEXTS = (
'''
LIST: Path = settings.BASE_DIR / "config" / "model_texts.py"


def write_model_texts() -> None:
    """Write the list of the texts of models, in English."""
    with translation.override(None):
        lines = [f"    _({text!r}),\n" for text in model_texts()]
    LIST.write_text(_HEAD + "".join(lines) + ")\n")


class Command(makemessages.Command):
    """Django's command, once the texts of the models are listed.

    Catalogues keep no line numbers and no folded lines, so that a change of one text
    changes one place.
    """

    # Its guesses, of another text that looks alike, are read by nobody.
    msgmerge_options = [*makemessages.Command.msgmerge_options, "--no-fuzzy-matching"]

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(
            no_wrap=True,
            no_location=True,
            ignore_patterns=[".venv/*", "tests/*", "bench/*", "docs/*"],
        )

    def handle(self, *args: Any, **options: Any) -> None:
        write_model_texts()
        super().handle(*args, **options)
