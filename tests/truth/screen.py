"""The dashboard beside a cluster, open at its models: whether it shows what `check --model` says.

with Screen(store, env) as screen:
    screen.shows("acme/tiny-llm", standing)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Self

from tests.support.dashboard import Dashboard
from tests.support.dynamo import Store
from tests.truth.comparing import Standing

FIGURES = re.compile(r"([\d,]+)(?:–([\d,]+))?/([\d,]+)")
"""`1/2`, or where cards are in conflict `1–2/3`."""
CLOSED = "▸"
WITHIN = 15.0
"""Seconds within which it shows the state that a command saw: it probes every two seconds, and
what fails once is asked again. Generous, since these machines are shared."""


class Screen(Dashboard):
    """`dyntop` in a terminal, with the tab Models open."""

    def __init__(self, store: Store, env: Mapping[str, str]) -> None:
        super().__init__(store, "--probe", "all", columns=160, env=env)

    def __enter__(self) -> Self:
        super().__enter__()
        self.open("Models")
        return self

    def figures(self, model: str) -> tuple[int, int, int] | None:
        """How many workers of a model or adapter it shows as routable: at the least and at the
        most, and of how many. None: it shows no such row."""
        for first, *cells in self.table():
            if first.split(maxsplit=1)[-1].removeprefix("LoRA ") != model:
                continue
            for cell in cells:
                if match := FIGURES.fullmatch(cell.strip()):
                    least, most, total = (one or "" for one in match.groups())
                    return _number(least), _number(most or least), _number(total)
        return None

    def shows(self, model: str, standing: Standing) -> bool:
        """Wait until it shows what a command said of a model. False: it did not within bounds."""
        expected = (standing.least, standing.most, standing.total)
        if self.figures(model) is None:
            self._open_all()
        with suppress(AssertionError):
            self.wait_for(lambda _: self.figures(model) == expected, WITHIN)
            return True
        return False

    def _open_all(self) -> None:
        """Open the models whose adapters are not shown."""
        # From the last row up: what is above it stays where it is.
        for number, row in reversed([*enumerate(self.table())]):
            if CLOSED in row[0]:
                self.press("g", *("j" * number), "l")


def _number(text: str) -> int:
    return int(text.replace(",", ""))
