"""The fields of an action, and the screens and groups that actions are on."""

from __future__ import annotations

from enum import StrEnum, unique

import msgspec


@unique
class Place(StrEnum):
    """A screen or dialog with keys of its own."""

    MAIN = "the dashboard"
    REPLAY = "a recording"
    TAP = "listening"
    CHART = "charts"
    DETAIL = "the full detail"
    MESSAGE = "a message"
    COMPARISON = "the comparison of cards"
    COLUMNS = "the columns of a tab"
    UNREGISTER = "drain or unregister"
    UNDO = "undo"
    CLEAN_UP = "clean up"
    OUTCOMES = "the report"
    CONTEXTS = "the contexts"
    HELP = "the help"


@unique
class Group(StrEnum):
    """What actions are listed under in the help."""

    MOVING = "Moving"
    LOOKING = "Looking"
    PLAYING = "Playing"
    MARKING = "Marking"
    ACTING = "Acting"
    ANSWERING = "Answering"
    OTHER = "Other"


MAIN = frozenset({Place.MAIN, Place.REPLAY})
"""The dashboard, of a store or of a recording."""
LIVE = frozenset({Place.MAIN})
"""Only of a store: nothing is asked or changed of a recording."""


class Action(msgspec.Struct, frozen=True):
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
    first_in_footer: bool = False
    """Whether it stands before the others there."""
    last_in_footer: bool = False
    """Whether it stands behind the others there: on a narrow screen it is left out before them."""
    kept_in_footer: bool = False
    """Whether it has room there before the others: on a narrow screen it is left out last."""
    writes: bool = False
    """Whether it changes the store, so that read-only hides it."""
    fixed: bool = False
    """Whether its keys stay: a yes needs a key that nothing else has, and a terminal's own keys
    are no program's."""
    same_keys_as: str | None = None
    """The action whose keys it has: only one of the two is there at a time."""
