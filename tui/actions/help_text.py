"""The lines of the help, and the sentences of the palette."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tui.actions.action import Action, Group, Place
from tui.actions.key_names import shown_key
from tui.actions.keys import Keys
from tui.actions.table import ACTIONS


def help_lines(place: Place, keys: Keys, *, writes: bool) -> Iterator[tuple[Group, str, str]]:
    """Give group, keys and sentence of each line of the help of a screen. Actions that share a
    sentence are one line. `writes`: whether anything may be removed."""
    for group in Group:
        rows: dict[str, list[Action]] = {}
        for action in ACTIONS:
            if action.group is group and place in action.places and (writes or not action.writes):
                rows.setdefault(action.help, []).append(action)
        for sentence, actions in rows.items():
            yield group, shown_keys(actions, keys), sentence


MOST_KEYS = 3
"""Actions of one line whose keys are each shown, where these go on from one to the next."""


def shown_keys(actions: Iterable[Action], keys: Keys) -> str:
    """Return the keys of actions that share a line: the first of each, then the second of each."""
    each = [[shown_key(key) for key in keys.of(action.id)] for action in actions]
    first = [of_one[0] for of_one in each]
    if len(first) > MOST_KEYS and "".join(first) in "0123456789":
        return f"{first[0]} … {first[-1]}"
    by_place = [
        [of_one[place] for of_one in each if place < len(of_one)]
        for place in range(max(map(len, each)))
    ]
    return "  ".join(" ".join(some) for some in by_place)


def palette_help(action: Action, keys: Keys) -> str:
    """Return the sentence of an action with its keys behind it."""
    shown = [shown_key(key) for key in keys.of(action.id)]
    return f"{action.help} {'Key' if len(shown) == 1 else 'Keys'}: {', '.join(shown)}"
