"""The dashboard on a real store, in a terminal, read and used as a person does."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import partial
from itertools import takewhile
from typing import Any, NamedTuple, Self

from backends.dynamo.naming import slugify
from tests.support.dynamo import Store, discovery_environment
from tests.support.running import COMMAND, STATE, dyntop
from tests.support.terminal import DEADLINE, Terminal
from tui.text.format import count

TABS = {
    "Instances": "ENDPOINT",
    "Models": "MODEL",
    "Workers": "COMPONENT",
    "Event channels": "TOPIC",
    "Requests": "COMPONENT",
    "Metrics": "MODEL",
    "Events": "TIME",
}
"""Each tab's title, in order, and the title of the column that it is sorted by at first."""
KINDS = {"Instances": "instance", "Event channels": "event channel"}
"""What the detail says of a tab's first row."""

_BORDER = "▎"
"""Between the tree and what is beside it."""
_KEY = re.compile(r"key +(\S+)")
_ID = re.compile(r"\b[0-9a-f]{8,16}\b")
_GAP = re.compile(r"(?<=\S) {2,}")
_SCROLLBAR = " ▁▂▃▄▅▆▇█"
_LEFT_OUT = "…"
"""Stands for the middle of a name that does not fit."""
_TABLE_HAS_KEYS = "p Probe"
"""In the last line."""

CARD_OF_MODEL = 2
"""Cells by which a card is indented that is a model's own, and not of a LoRA adapter on it."""


class Card(NamedTuple):
    """A model card, by what tells it from others."""

    endpoint: str
    instance_id: str
    adapter: str | None
    """The slug of a LoRA adapter."""

    @classmethod
    def of_key(cls, key: str) -> Self:
        """The card that `v1/mdc/{endpoint}/{instance}[/{slug}]` names."""
        parts = key.removeprefix("v1/mdc/").split("/")
        return cls("/".join(parts[:3]), parts[3], parts[4] if parts[4:] else None)


class Dashboard(Terminal):
    """`dyntop`, for the store that workers with these settings are on.

    It opens with this tab. None: with the one that it opens with by itself.

    What it removes it writes down below `state`, which no other test looks into if it is given.
    `env` adds to its environment.
    """

    def __init__(
        self,
        store: Store,
        *flags: str,
        columns: int = 120,
        rows: int = 40,
        state: os.PathLike[str] | None = None,
        env: Mapping[str, str] | None = None,
        tab: str | None = "Instances",
    ) -> None:
        self.store = store
        self.env = leading_to(store, state) | dict(env or {})
        """The environment in which a command meets the same store and the same audit."""
        super().__init__([*COMMAND, *flags], columns=columns, rows=rows, env=self.env)
        self._tab = tab

    def __enter__(self) -> Self:
        super().__enter__()
        if self._tab is not None:
            # It is taken once there is a screen.
            self.press(str([*TABS].index(self._tab) + 1))
        return self

    # What can be seen.

    @property
    def header(self) -> str:
        """The first line."""
        return self.lines()[0]

    def counts(self) -> dict[str, int]:
        """What the titles of the tabs say; empty before there are counts."""
        tabs = self.lines_beside_tree()[0]
        found = {title: re.search(rf"\b{title} ([\d,]+)", tabs) for title in TABS}
        return {title: int(match[1].replace(",", "")) for title, match in found.items() if match}

    def lines_beside_tree(self) -> list[str]:
        """The tabs' titles, the open tab, and the detail."""
        return [line.partition(_BORDER)[2] for line in self.lines() if _BORDER in line]

    def table(self) -> list[list[str]]:
        """The rows of the open tab, by cell that is not empty; the first keeps its indentation."""
        beside = self.lines_beside_tree()
        end = next((n for n, line in enumerate(beside) if line.startswith("───")), len(beside))
        title = next((n for n, line in enumerate(beside) if "▲" in line or "▼" in line), end)
        lines = (line[1:].rstrip(_SCROLLBAR) for line in beside[title + 1 : end])
        # What is said where there are no rows stands below an empty line.
        return [_GAP.split(line) for line in takewhile(bool, lines)]

    def detail(self) -> str:
        """What is said of the row under the cursor."""
        beside = self.lines_beside_tree()
        end = next((n for n, line in enumerate(beside) if line.startswith("───")), len(beside))
        return "\n".join(beside[end:])

    def detail_key(self) -> str | None:
        """The key in the detail, which goes on from line to line."""
        beside = self.lines_beside_tree()
        for number, line in enumerate(beside):
            if match := _KEY.match(line.strip()):
                key, margin = match[1], line.index(match[1])
                for more in beside[number + 1 :]:
                    if more[:margin].strip():
                        break
                    key += more[margin:].split(" ")[0]
                return key
        return None

    def rows_with(self, *texts: str) -> list[list[str]]:
        """The rows of the open tab in whose cells all of these texts are."""
        return [row for row in self.table() if all(text in " ".join(row) for text in texts)]

    # What can be done.

    def open(self, tab: str) -> None:
        """Open a tab by its number."""
        self.press(str([*TABS].index(tab) + 1))
        self.wait_for(lambda text: re.search(rf"{TABS[tab]}[▲▼]", text))

    def say_yes(self, question: str) -> None:
        """Answer a question. Its yes counts only once it could have been read; on the main screen
        the same key copies, which does no harm."""
        self.wait_for(question)

        def is_answered(text: str) -> bool:
            if question in text:
                self.press("Y")
            return question not in text

        self.wait_for(is_answered)

    def filter(self, words: str) -> None:
        """Show only what matches, with the cursor in the table again."""
        # What acts on a row is there while the table has the keys, and not while the filter has.
        self.wait_for(_TABLE_HAS_KEYS)
        self.press("/")
        self.wait_until_gone(_TABLE_HAS_KEYS)
        self.type(words)
        self.press("enter")
        self.wait_for(_TABLE_HAS_KEYS)

    def show_rows_of(self, instance_id: str, count: int) -> None:
        """Leave only a worker's rows in the open tab, once there are so many."""
        self.filter(instance_id)
        self.wait_for(lambda _: len(self.table()) == len(self.rows_with(instance_id)) == count)

    def hide_gone(self) -> None:
        """Show only what is registered."""
        self.press("x")
        self.wait_for("Hides ")
        self.wait_until_gone("Hides ")

    def drain(self, instance_id: str) -> None:
        """Say yes to removing what is selected, and may live, as its worker's id says."""
        self.press("d")
        self.answer_by_typing(instance_id)

    def answer_by_typing(self, instance_id: str, *, to: str = "drain") -> None:
        """Say yes in the question that is open, which asks for that id."""
        self.wait_for(f"Type {instance_id} to {to}:")
        self.type(instance_id)
        self.press("enter")
        self.wait_until_gone(f"to {to}:")

    def choose_endpoint_alone(self) -> None:
        """In the question that is open, turn from the drain of the worker to the one endpoint."""
        self.wait_for("F2: another choice")
        self.press("f2")
        self.wait_for("Unregister 1 instance?")

    def clear_filter(self) -> None:
        """Show everything again."""
        self.press("escape")
        self.wait_for("all namespaces")

    def wait_for_rows(self, *texts: str, count: int, deadline: float = DEADLINE) -> None:
        """Wait until so many rows of the open tab have all of these texts."""
        self.wait_for(lambda _: len(self.rows_with(*texts)) == count, deadline)

    def keys(self, tab: str, rows: int) -> list[str]:
        """Every key in a tab, once it has so many rows, as the detail has them one by one."""
        self.open(tab)
        self.wait_for_rows(count=rows)
        self.press("g")
        found: list[str] = []
        for row in self.table():
            if found:
                self.press("j")
                self.wait_for(lambda _: self.detail_key() not in (None, *found))
            else:
                # Until the cursor is there, the detail is of the row where it was before.
                names = [part for cell in row[1:3] for part in cell.split(_LEFT_OUT)]
                told = [f"{KINDS[tab]} ", *names, *_ID.findall(" ".join(row))]
                self.wait_for(lambda _, told=told: all(text in self.detail() for text in told))  # type: ignore[misc]
            found.append(self.detail_key() or "")
        return found

    def cards(self, number: int) -> set[Card]:
        """Every model card, once there are so many; opens all that can be opened."""
        self.open("Models")
        # Each screen is read once: between two looks it may change.
        rows = self.table()
        while sum("· " in row[0] for row in rows) != number:
            # From the last row up: what is above it stays where it is.
            if closed := [n for n, row in enumerate(rows) if "▸" in row[0]]:
                self.press("g", *("j" * closed[-1]), "l")
            self.wait_for(partial(self._differs, rows))
            rows = self.table()
        # Columns are fitted to what is on screen once it is drawn.
        self.wait_for(lambda _: not any(_LEFT_OUT in row[0] for row in self.table()))
        found: set[Card] = set()
        adapter: str | None = None
        for first, *cells in self.table():
            sign, name = first.split(maxsplit=1)
            if sign == "▾":
                adapter = slugify(name.removeprefix("LoRA ")) if name.startswith("LoRA ") else None
            else:
                # An adapter's own cards are below it; behind them come those of the model.
                of_adapter = len(first) - len(first.lstrip()) > CARD_OF_MODEL
                instance_id = next((one for one in cells if _ID.fullmatch(one)), "")
                found.add(Card(name, instance_id, adapter if of_adapter else None))
        return found

    def _differs(self, rows: list[list[str]], _text: str) -> bool:
        return self.table() != rows


def _has_no_other_count(shown: str, text: str) -> bool:
    """Whether the header shows this count, or has no room for any of its kind."""
    header = text.partition("\n")[0]
    noun = shown.partition(" ")[2].removesuffix("s")
    found = re.findall(rf"  ([\d,]+ {noun}s?)(?=  |$)", header.rstrip())
    return found in ([], [shown])


def leading_to(store: Store, state: os.PathLike[str] | None = None) -> dict[str, str]:
    """The environment that leads dyntop to a store, and to an audit below `state`."""
    return discovery_environment(store) | {"XDG_STATE_HOME": os.fspath(state or STATE.name)}


def listed(store: Store) -> list[dict[str, Any]]:
    """What `dyntop list -o json` prints."""
    found: list[dict[str, Any]] = dyntop("list", "-o", "json", env=leading_to(store)).records
    return found


def assert_shows_all(dashboard: Dashboard, keys: set[str]) -> None:
    """The screen has these keys and no others, in every tab and in every count."""
    instances = {key for key in keys if key.startswith("v1/instances/")}
    channels = {key for key in keys if key.startswith("v1/event_channels/")}
    sources = {key for key in keys if key.startswith("v1/event_sources/")}
    cards = {key for key in keys if key.startswith("v1/mdc/")}
    counts = {"Instances": len(instances), "Event channels": len(channels)}
    dashboard.wait_for(lambda _: dashboard.counts().items() >= counts.items())
    for shown in (count(len(instances), "instance"), count(len(channels), "channel")):
        dashboard.wait_for(partial(_has_no_other_count, shown))

    assert set(dashboard.keys("Instances", len(instances))) == instances
    of_events = channels | sources
    assert set(dashboard.keys("Event channels", len(of_events))) == of_events
    assert dashboard.cards(len(cards)) == {Card.of_key(key) for key in cards}
    dashboard.open("Instances")
