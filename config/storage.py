"""Where collected static files lie, under names that change with their content."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured
from whitenoise.storage import CompressedManifestStaticFilesStorage


class NotCollectedError(ImproperlyConfigured, ValueError):
    """A static file that `collectstatic` has not seen; a ValueError as in Django."""


class CollectedFilesStorage(CompressedManifestStaticFilesStorage):
    """WhiteNoise's storage, which says the fix when a file was not collected."""

    def stored_name(self, name: str) -> str:
        """Return the name with the hash of the content.

        Raises NotCollectedError for a file that the manifest does not list.
        """
        try:
            stored: str = super().stored_name(name)
        except ValueError as error:
            msg = (
                f"The static file {name} was not collected. Run `python3 manage.py "
                "setup`, then start the server again."
            )
            raise NotCollectedError(msg) from error
        return stored
