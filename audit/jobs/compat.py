"""Django's Tasks API: of Django 6, or of `django-tasks` where Django is older."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django_tasks import task
    from django_tasks.backends.base import BaseTaskBackend
    from django_tasks.base import Task as AnyTask
    from django_tasks.base import TaskResult, TaskResultStatus
    from django_tasks.exceptions import TaskResultDoesNotExist
else:
    try:
        from django.tasks import task
        from django.tasks.backends.base import BaseTaskBackend
        from django.tasks.base import Task as AnyTask
        from django.tasks.base import TaskResult, TaskResultStatus
        from django.tasks.exceptions import TaskResultDoesNotExist
    except ImportError:
        from django_tasks import task
        from django_tasks.backends.base import BaseTaskBackend
        from django_tasks.base import Task as AnyTask
        from django_tasks.base import TaskResult, TaskResultStatus
        from django_tasks.exceptions import TaskResultDoesNotExist

__all__ = [
    "AnyTask",
    "BaseTaskBackend",
    "TaskResult",
    "TaskResultDoesNotExist",
    "TaskResultStatus",
    "task",
]
