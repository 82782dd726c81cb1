"""The tabs of the dashboard, each by its name in the settings."""

from __future__ import annotations

from enum import StrEnum


class TabId(StrEnum):
    """The tabs, in the order of their numbers: the first is 0."""

    OVERVIEW = "overview"
    INSTANCES = "instances"
    MODELS = "models"
    WORKERS = "workers"
    CHANNELS = "channels"
    REQUESTS = "requests"
    METRICS = "metrics"
    EVENTS = "events"
    OTHERS = "others"
