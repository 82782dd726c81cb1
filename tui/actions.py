"""Every action of the dashboard, in one table: its id, keys, words, and the screens it is on.

Key bindings, the command palette, the help, the line of keys and the tables of the documents are
made from it. Plain Python, no Textual.

A key is written as a person types it (`d`, `D`, `?`), or by name (`space`, `f2`, `ctrl+p`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum, unique


@unique
class Place(StrEnum):
    """A screen or dialog with keys of its own."""

    MAIN = "the dashboard"
    TAP = "listening"
    DETAIL = "the full detail"
    MESSAGE = "a message"
    UNREGISTER = "drain or unregister"
    UNDO = "undo"
    CLEAN_UP = "clean up"
    OUTCOMES = "the report"
    HELP = "the help"


@unique
class Group(StrEnum):
    """What actions are listed under in the help."""

    MOVING = "Moving"
    LOOKING = "Looking"
    MARKING = "Marking"
    ACTING = "Acting"
    ANSWERING = "Answering"
    OTHER = "Other"


EVERYWHERE = frozenset(Place)
LISTS = frozenset({Place.MAIN, Place.TAP, Place.DETAIL, Place.MESSAGE, Place.CLEAN_UP})
"""Where there is a table or a detail that is moved in."""
QUESTIONS = frozenset({Place.UNREGISTER, Place.UNDO, Place.CLEAN_UP})
BUTTONS = frozenset({Place.UNREGISTER, Place.UNDO})
"""Questions with a button for each answer."""
MAIN = frozenset({Place.MAIN})
TAPS = frozenset({Place.TAP, Place.MESSAGE})
LEAVES = frozenset({Place.DETAIL, Place.MESSAGE, Place.HELP})
"""What is closed by any of the usual keys."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that a key does."""

    id: str
    """Names it in the settings file."""
    keys: tuple[str, ...]
    """By default; the first is the one that is shown where there is room for one."""
    label: str
    """In the line of keys."""
    help: str
    """A sentence that reads by itself."""
    group: Group
    places: frozenset[Place] = MAIN
    title: str | None = None
    """In the command palette. None: it is not there."""
    in_footer: bool = False
    """Whether the line of keys shows it."""
    writes: bool = False
    """Whether it changes the store, so that read-only hides it."""
    fixed: bool = False
    """Whether its keys stay: a yes needs a key that nothing else has, and a terminal's own keys
    are no program's."""
    same_keys_as: str | None = None
    """The action whose keys it has: only one of the two is there at a time."""


ACTIONS: tuple[Action, ...] = (
    Action("up", ("up", "k"), "Up", "Go up or down.", Group.MOVING, EVERYWHERE),
    Action("down", ("down", "j"), "Down", "Go up or down.", Group.MOVING, EVERYWHERE),
    Action(
        "page-up",
        ("pageup", "ctrl+b"),
        "Page up",
        "Go a page up or down.",
        Group.MOVING,
        EVERYWHERE - {Place.HELP},
    ),
    Action(
        "page-down",
        ("pagedown", "ctrl+f"),
        "Page down",
        "Go a page up or down.",
        Group.MOVING,
        EVERYWHERE - {Place.HELP},
    ),
    Action("first", ("home", "g"), "First", "Go to the first or last row.", Group.MOVING, LISTS),
    Action("last", ("end", "G"), "Last", "Go to the first or last row.", Group.MOVING, LISTS),
    Action("expand", ("right", "l", "+"), "Expand", "Expand or collapse a row.", Group.MOVING),
    Action("collapse", ("left", "h", "-"), "Collapse", "Expand or collapse a row.", Group.MOVING),
    Action(
        "next-part",
        ("tab", "shift+tab"),
        "Next",
        "Go to the next part of the screen, or the one before.",
        Group.MOVING,
        frozenset({Place.MAIN, Place.TAP, *BUTTONS}),
        fixed=True,
    ),
    *(
        Action(f"tab-{n}", (f"{n}",), f"Tab {n}", "Open a tab by its number.", Group.MOVING)
        for n in range(1, 9)
    ),
    Action(
        "open",
        ("enter",),
        "Open",
        "Expand or collapse a row that has rows below it; open the detail of any other in full.",
        Group.MOVING,
        frozenset({Place.MAIN, Place.TAP}),
        fixed=True,
    ),
    Action(
        "filter",
        ("/",),
        "Filter",
        "Show only what has a text in its names, ids or addresses.",
        Group.LOOKING,
        title="Filter",
        in_footer=True,
    ),
    Action(
        "clear-filter",
        ("escape",),
        "Clear filter",
        "Clear the filter, and show everything.",
        Group.LOOKING,
        title="Clear the filter",
        fixed=True,
    ),
    Action(
        "not-live",
        ("!",),
        "Not live",
        "Show only what is not live, or everything.",
        Group.LOOKING,
        title="Show only what is not live",
        in_footer=True,
    ),
    Action(
        "gone",
        ("x",),
        "Gone",
        "Hide what is gone, or show it.",
        Group.LOOKING,
        title="Hide what is gone",
    ),
    Action(
        "probe",
        ("p",),
        "Probe",
        "Ask the workers of what is marked or selected whether they answer.",
        Group.LOOKING,
        title="Probe",
        in_footer=True,
    ),
    Action(
        "tap",
        ("w",),
        "Tap",
        "Listen to the selected channel, in Event channels.",
        Group.LOOKING,
        title="Listen to the channel",
        in_footer=True,
    ),
    Action("sort", ("s",), "Sort", "Sort by the next column.", Group.LOOKING, title="Sort"),
    Action(
        "reverse",
        ("S",),
        "Reverse",
        "Reverse the order of the rows.",
        Group.LOOKING,
        title="Reverse the order",
    ),
    Action(
        "freeze",
        ("f",),
        "Freeze",
        "Freeze the view, or let it go on.",
        Group.LOOKING,
        title="Freeze",
    ),
    Action(
        "tap-freeze",
        ("f", "space"),
        "Freeze",
        "Freeze the list of messages, or let it go on.",
        Group.LOOKING,
        frozenset({Place.TAP}),
        title="Freeze",
        in_footer=True,
    ),
    Action(
        "raw",
        ("r",),
        "Raw",
        "Show the bytes of messages, or what they say.",
        Group.LOOKING,
        TAPS,
        title="Show the bytes",
        in_footer=True,
    ),
    Action(
        "instance",
        ("o",),
        "Instance",
        "Go to the instance that the selected row belongs to.",
        Group.LOOKING,
        title="Go to the instance",
    ),
    Action(
        "back",
        ("b",),
        "Back",
        "Go back to where you were before you went to an instance.",
        Group.LOOKING,
        title="Go back",
    ),
    Action(
        "tree",
        ("t",),
        "Tree",
        "Show or hide the tree.",
        Group.LOOKING,
        title="Show or hide the tree",
    ),
    *(
        Action(
            f"copy-{what.lower()}",
            (key,),
            f"Copy {what}",
            f"Copy the {what} of the selected row.",
            Group.LOOKING,
            title=f"Copy the {what}",
        )
        for what, key in (("key", "y"), ("id", "i"), ("JSON", "Y"))
    ),
    Action(
        "mark",
        ("space",),
        "Mark",
        "Mark a row or take its mark away, and go on to the next.",
        Group.MARKING,
    ),
    Action(
        "mark-range",
        ("v",),
        "Mark range",
        "Mark all rows from the last marked one to here.",
        Group.MARKING,
        MAIN | {Place.CLEAN_UP},
    ),
    Action(
        "mark-all",
        ("*",),
        "Mark all",
        "Mark all rows that are shown, or none.",
        Group.MARKING,
        title="Mark all rows",
    ),
    Action(
        "drain",
        ("d",),
        "Drain",
        "Drain the workers of what is marked or selected, after a question.",
        Group.ACTING,
        title="Drain",
        in_footer=True,
        writes=True,
    ),
    Action(
        "unregister",
        ("d",),
        "Unregister",
        "Unregister what is marked or selected and has no worker to drain, after a question.",
        Group.ACTING,
        title="Unregister",
        in_footer=True,
        writes=True,
        same_keys_as="drain",
    ),
    Action(
        "clean-up",
        ("c",),
        "Clean up",
        "Propose all that is stale for removal.",
        Group.ACTING,
        title="Clean up",
        in_footer=True,
        writes=True,
    ),
    Action(
        "undo",
        ("u",),
        "Undo",
        "Put back what was removed last, after a question.",
        Group.ACTING,
        title="Undo",
        in_footer=True,
        writes=True,
    ),
    Action(
        "tick",
        ("space", "enter"),
        "Select",
        "Select a key for removal, or leave it out.",
        Group.ANSWERING,
        frozenset({Place.CLEAN_UP}),
        fixed=True,
    ),
    Action(
        "tick-all",
        ("a", "*"),
        "All or none",
        "Select all keys that are stale, or none.",
        Group.ANSWERING,
        frozenset({Place.CLEAN_UP}),
        fixed=True,
    ),
    Action(
        "yes",
        ("Y",),
        "Yes",
        "Answer yes, where nothing has to be typed.",
        Group.ANSWERING,
        QUESTIONS,
        writes=True,
        fixed=True,
    ),
    Action(
        "no",
        ("n", "escape", "q"),
        "No",
        "Answer no, which changes nothing.",
        Group.ANSWERING,
        QUESTIONS,
        fixed=True,
    ),
    Action(
        "other-choice",
        ("f2",),
        "Another choice",
        "Ask about another removal of the same rows, where there is a choice.",
        Group.ANSWERING,
        frozenset({Place.UNREGISTER}),
        writes=True,
        fixed=True,
    ),
    Action(
        "choose",
        ("space", "enter"),
        "Choose",
        "Choose the next removal, in the list of choices.",
        Group.ANSWERING,
        frozenset({Place.UNREGISTER}),
        writes=True,
        fixed=True,
    ),
    Action(
        "button-no",
        ("left",),
        "No",
        "Turn to the button of no or of yes.",
        Group.ANSWERING,
        BUTTONS,
        fixed=True,
    ),
    Action(
        "button-yes",
        ("right",),
        "Yes",
        "Turn to the button of no or of yes.",
        Group.ANSWERING,
        BUTTONS,
        fixed=True,
    ),
    Action(
        "palette",
        ("ctrl+p",),
        "Palette",
        "Open the command palette, which has the themes too.",
        Group.OTHER,
        EVERYWHERE,
        fixed=True,
    ),
    Action(
        "help",
        ("?",),
        "Help",
        "Show the keys of this screen and what the signs mean.",
        Group.OTHER,
        EVERYWHERE,
        title="Help",
        in_footer=True,
    ),
    Action(
        "close",
        ("escape", "q", "enter"),
        "Close",
        "Close this, and go back.",
        Group.OTHER,
        LEAVES,
        title="Close",
        in_footer=True,
        fixed=True,
    ),
    Action(
        "close-tap",
        ("escape", "q"),
        "Close",
        "Stop listening, and go back.",
        Group.OTHER,
        frozenset({Place.TAP}),
        title="Stop listening",
        in_footer=True,
        fixed=True,
    ),
    Action(
        "close-report",
        ("escape", "q", "n", "enter"),
        "Close",
        "Close this, and go back.",
        Group.OTHER,
        frozenset({Place.OUTCOMES}),
        title="Close",
        fixed=True,
    ),
    Action("quit", ("q",), "Quit", "Quit dyntop.", Group.OTHER, title="Quit", in_footer=True),
    Action(
        "quit-now",
        ("ctrl+c", "ctrl+q"),
        "Quit",
        "Quit dyntop at once, whatever is open.",
        Group.OTHER,
        EVERYWHERE,
        title="Quit",
        fixed=True,
    ),
    Action(
        "suspend",
        ("ctrl+z",),
        "Suspend",
        "Suspend dyntop, where a shell can bring it back.",
        Group.OTHER,
        EVERYWHERE,
        fixed=True,
    ),
)
"""In the order of the help and of the palette."""

BY_ID: Mapping[str, Action] = {action.id: action for action in ACTIONS}
REBINDABLE: tuple[str, ...] = tuple(
    one.id for one in ACTIONS if not one.fixed and one.same_keys_as is None
)
"""The ids that the settings file may have."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of every action: those of the table, and those that were chosen instead."""

    chosen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
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

SHOWN = {
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "home": "Home",
    "end": "End",
    "escape": "Esc",
    "enter": "Enter",
    "tab": "Tab",
    "space": "space",
    "backspace": "Backspace",
    "delete": "Del",
    "insert": "Ins",
    **{f"f{n}": f"F{n}" for n in range(1, 13)},
}
"""How keys with a name are shown; these are the names that there are."""
OTHER_NAMES = {
    "esc": "escape",
    "return": "enter",
    "pgup": "pageup",
    "pgdn": "pagedown",
    "del": "delete",
    "ins": "insert",
    " ": "space",
}
MODIFIERS = ("ctrl", "alt", "shift")
SENT_AS = {"ctrl+i": "tab", "ctrl+j": "enter", "ctrl+m": "enter", "ctrl+h": "backspace"}
"""Keys for which a terminal sends the same as for another."""


def shown_key(key: str) -> str:
    """Return a key as people read it."""
    *modifiers, base = key.split("+") if len(key) > 1 else [key]
    shown = SHOWN.get(base, base.upper() if modifiers else base)
    return "+".join([*(one.capitalize() for one in modifiers), shown])


def parse_key(text: str) -> str | None:
    """Return the key that a person means by this. None: there is no such key."""
    if text in OTHER_NAMES:
        return OTHER_NAMES[text]
    if len(text) == 1:
        return text if text.isprintable() else None
    *modifiers, base = text.lower().split("+")
    base = OTHER_NAMES.get(base, base)
    if any(modifiers.count(one) != 1 or one not in MODIFIERS for one in modifiers):
        return None
    is_letter = len(base) == 1 and base.isascii() and base.isalpha()
    if not (base in SHOWN or (is_letter and modifiers)):
        return None
    if is_letter and "shift" in modifiers:
        # A terminal sends the capital alone.
        return base.upper() if modifiers == ["shift"] else None
    return "+".join([*(one for one in MODIFIERS if one in modifiers), base])


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
    if len(first) > MOST_KEYS and "".join(first) in "123456789":
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
