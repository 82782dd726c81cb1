"""Key bindings of Textual 8.2, made from the table of actions, and rebound by its keymap.

A binding's `id` is the action's. `Binding` takes several keys separated by commas, so the comma
itself goes by its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual.app import App
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.keys import format_key

from tui.actions import BY_ID, DEFAULT_KEYS, SHOWN, Keys, Place, shown_key


def bindings(
    actions: Mapping[str, str], *, priority: bool = False, in_footer: bool | None = None
) -> list[BindingType]:
    """Return a class's bindings. `actions`: by id, the Textual action of each. `priority`: its keys
    are handled before those of the focused widget. `in_footer`: whether the line of keys shows
    them. None: as the table has it."""
    made: list[BindingType] = []
    for action_id, does in actions.items():
        action = BY_ID[action_id]
        made.append(
            Binding(
                _joined(action.keys),
                does,
                action.label,
                show=action.in_footer if in_footer is None else in_footer,
                priority=priority,
                tooltip=action.help,
                id=action.same_keys_as or action.id,
            )
        )
    return made


def actions_of(node: DOMNode) -> dict[str, str]:
    """Return the Textual action of each action of a screen or widget, by id, from `ACTIONS` of its
    classes."""
    found: dict[str, str] = {}
    for one in reversed(type(node).__mro__):
        found |= vars(one).get("ACTIONS", {})
    return found


class HasKeys(App[Any]):
    """An app whose keys can be rebound."""

    keys = DEFAULT_KEYS

    def rebind(self, keys: Keys) -> None:
        """Use these keys from now on."""
        self.keys = keys
        self.set_keymap({action: _joined(chosen) for action, chosen in keys.chosen.items()})

    def get_key_display(self, binding: Binding) -> str:
        """Return the key as the help shows it."""
        key = binding.key
        return shown_key(key) if key in SHOWN or "+" in key else format_key(key)


def keys_of(node: DOMNode) -> Keys:
    """Return the keys of the node's app."""
    app = node.app
    return app.keys if isinstance(app, HasKeys) else DEFAULT_KEYS


def place_of(screen: DOMNode) -> Place | None:
    """Return the table's name for a screen. None: a screen of Textual's own."""
    place = getattr(screen, "PLACE", None)
    return place if isinstance(place, Place) else None


def _joined(keys: tuple[str, ...]) -> str:
    return ",".join("comma" if key == "," else key for key in keys)
