"""The keys of each action: those of the table, or those of the settings file."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tui.actions.action import Action
from tui.actions.key_names import shown_key
from tui.actions.table import ACTIONS, BY_ID


class Keys(msgspec.Struct, frozen=True):
    """The keys of every action: those of the table, and those that were chosen instead."""

    chosen: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    """By id, only of actions in `REBINDABLE`."""

    def of(self, action: str) -> tuple[str, ...]:
        """Return the keys of an action, at least one."""
        row = BY_ID[action]
        return self.chosen.get(row.same_keys_as or action, row.keys)

    def shown(self, action: str) -> str:
        """Return the first key of an action, as people read it."""
        return shown_key(self.of(action)[0])

    def taken(self, action: str, key: str) -> Action | None:
        """Return another action that has this key on a screen that `action` is on. None: none."""
        row = BY_ID[action]
        for other in ACTIONS:
            if (other.same_keys_as or other.id) == (row.same_keys_as or row.id):
                continue
            if row.places & other.places and key in self.of(other.id):
                return other
        return None


DEFAULT_KEYS = Keys()
"""Those of the table."""
