"""The lines of the application server, written like those of the hub.

gunicorn's own hold the caller's address and parts of requests that it could not read.
"""

from __future__ import annotations

import logging
import logging.config

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from gunicorn.glogging import Logger  # type: ignore[import-untyped]  # it has none

from audit.json_text import JsonObject
from config.logs import JsonFormatter


class ServerLogger(Logger):
    """Writes to standard error in the format of the hub; there is no access log.

    Holdfast writes a line for each request itself.
    """

    def setup(self, cfg: object) -> None:
        """Set the loggers up as gunicorn does, then give them our formatter."""
        super().setup(cfg)
        formatter = _formatter()
        for log in (self.error_log, self.access_log):
            for handler in log.handlers:
                handler.setFormatter(formatter)

    def access(self, *_: object) -> None:
        """Write nothing: the line would hold the whole address."""


def _formatter() -> logging.Formatter:
    """Return the formatter of the settings; JSON where they cannot be read."""
    try:
        config: JsonObject = settings.LOGGING
        name = config["handlers"]["console"]["formatter"]
    except ImproperlyConfigured:
        # The worker then says why the server does not start.
        return JsonFormatter()
    options = dict(config["formatters"][name])
    made: logging.Formatter = logging.config.DictConfigurator({}).resolve(
        options.pop("()")
    )(**options)
    return made
