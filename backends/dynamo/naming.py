"""Build names as Dynamo does: allowed characters, slugs, service names, subjects.

Source: `component.rs` of 2025 and `slug.rs` of Dynamo 1.x.
"""

from __future__ import annotations

import re

ALLOWED_NAME = re.compile(r"[a-z0-9-_]+", re.ASCII)
"""The characters allowed in a namespace, component, endpoint or topic at registration."""

TO_SUFFIX = "-"
"""Between a namespace and the suffix of a generation."""

_NOT_IN_A_SLUG = re.compile(r"[^a-z0-9_-]")


class InvalidName(ValueError):
    """`name`, given as a `what` (e.g. `namespace`), is not `[a-z0-9-_]+`."""

    def __init__(self, what: str, name: str) -> None:
        super().__init__(f"{what} {name!r} may only have a-z, 0-9, '-' and '_', and not be empty")
        self.what = what
        self.name = name


def check_name(what: str, name: str) -> None:
    """Check a name to be registered; names that are read may be anything. Raises `InvalidName`."""
    if not ALLOWED_NAME.fullmatch(name):
        raise InvalidName(what, name)


def check_namespace(name: str) -> None:
    """Check each part of a nested namespace (`parent.child`), as `check_name` does."""
    for part in name.split("."):
        check_name("namespace", part)


def is_within(namespace: str, parent: str) -> bool:
    """Return whether a namespace is `parent`, or nested in it at any depth."""
    return namespace == parent or namespace.startswith(f"{parent}.")


def slugify(text: str) -> str:
    """Lower a text, replace all but `a-z0-9-_` by `_`, and strip leading `_`."""
    return _NOT_IN_A_SLUG.sub("_", text.lower()).lstrip("_")


def service_name(namespace: str, component: str) -> str:
    """Return the name of a component's NATS service."""
    return slugify(f"{namespace}_{component}")


def endpoint_name(endpoint: str, instance_id: int | None) -> str:
    """Return an endpoint's name with its instance id. None: a static endpoint has the bare name."""
    return endpoint if instance_id is None else f"{endpoint}-{instance_id:x}"


def subject(namespace: str, component: str, endpoint: str, instance_id: int | None = None) -> str:
    """Return the NATS subject of an endpoint, or of one instance of it."""
    return f"{service_name(namespace, component)}.{endpoint_name(endpoint, instance_id)}"
