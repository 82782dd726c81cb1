"""The columns of each tab by their names in the settings file. A test holds them to the tabs."""

from __future__ import annotations

from collections.abc import Mapping

_OF_PROCESSES = ("host", "role", "ranks", "release")

TAB_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "instances": ("state", "name", "id", *_OF_PROCESSES, "transport", "seen", "why"),
    "models": (
        *("name", "state", "routable", "workers", "loras", "id"),
        *(*_OF_PROCESSES, "why"),
    ),
    "workers": (
        *("state", "id", "where", "models", *_OF_PROCESSES, "serving"),
        *("endpoints", "cards", "loras", "channels", "lease", "pod", "restarts", "seen", "why"),
    ),
    "channels": ("state", "topic", "where", "worker", "transport", "seen", "why"),
    "requests": ("name", "answer", "requests", "errors", "rate", "mean", "error", "started"),
    "metrics": (
        *("name", "state", "ttft50", "ttft99", "resp50", "resp99", "itl50", "itl99"),
        *("requests", "errors", "tokens", "flight", "queued", "kv", "trend"),
    ),
    "events": ("time", "what", "kind", "name", "id", "why"),
    "others": ("state", "key", "value", "seen", "why"),
}
"""By tab, in their order; Overview has those of its parts. Some are only there with some kinds of
store."""

NAMING: Mapping[str, tuple[str, ...]] = {
    "instances": ("name", "id"),
    "models": ("name",),
    "workers": ("id", "where"),
    "channels": ("topic", "where", "worker"),
    "requests": ("name",),
    "metrics": ("name",),
    "events": ("name", "id"),
    "others": ("key",),
}
"""By tab the columns that name a row: one of them is always shown."""

OF_SOME_STORES = ("lease", "pod", "restarts")
"""Columns that a tab has only with some kinds of store."""
