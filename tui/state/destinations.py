"""Where a word, a key or a row leads."""

from __future__ import annotations

from collections.abc import Hashable

import msgspec

from backends.discovery.record_index import Scope


class Destination(msgspec.Struct, frozen=True):
    """What is to be shown. None: that stays as it is."""

    tab: str | None = None
    row: Hashable | None = None
    scope: Scope | None = None
    filter: str | None = None
    """Empty: none."""
    only_findings: bool | None = None


class Bookmark(msgspec.Struct, frozen=True):
    """A place to go to, and one to come back to."""

    tab: str
    scope: Scope
    row: Hashable
