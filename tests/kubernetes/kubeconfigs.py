"""Kubeconfigs for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

SERVER = "https://127.0.0.1:6443"


def write(path: Path, **parts: Any) -> Path:
    """Write a kubeconfig with parts in place of those of `config`."""
    path.write_text(yaml.safe_dump(config(**parts)))
    return path


def config(
    *,
    name: str = "lab",
    current: str | None = "lab",
    cluster: dict[str, Any] | None = None,
    user: dict[str, Any] | None = None,
    context: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a kubeconfig with one cluster, one user and one context of a name."""
    made: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": SERVER, **(cluster or {})}}],
        "users": [{"name": f"{name}-user", "user": user or {}}],
        "contexts": [
            {"name": name, "context": {"cluster": name, "user": f"{name}-user", **(context or {})}}
        ],
    }
    if current is not None:
        made["current-context"] = current
    return made
