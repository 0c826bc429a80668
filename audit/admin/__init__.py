"""The pages of the trail, of staff accounts and of step-up."""

from __future__ import annotations

from audit.admin import credentials, job, trail, user
