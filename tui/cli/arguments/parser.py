"""A parser whose errors read as dyntop's, and that knows its flags once it is used."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one sentence of harmless text, as all of dyntop's."""

    add_later: Callable[[Parser], None] | None = None
    """Adds its arguments when they are needed first: of twelve commands a run needs one."""

    def complete(self) -> Parser:
        """Add what `add_later` adds, if that was not done yet."""
        if (add := self.add_later) is not None:
            self.add_later = None
            add(self)
        return self

    def format_help(self) -> str:
        self.complete()
        return super().format_help()

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse, and also accept names that follow a flag.

        argparse takes no more names once a flag has followed the first word, and takes any word
        after a flag for its value, even if the value is optional.
        """
        self.complete()
        given = sys.argv[1:] if args is None else list(args)
        parsed, left = super().parse_known_args(self._with_values(given), namespace)
        if left and getattr(parsed, "names", None) is not None:
            parsed.names += [one for one in left if not one.startswith("-")]
            left = [one for one in left if one.startswith("-")]
        return parsed, left

    def _with_values(self, args: Sequence[str]) -> list[str]:
        """Return the words of a command line, with its default value added to each flag whose
        optional value is missing."""
        found = list(args)
        flags = found.index("--") if "--" in found else len(found)
        for at, (flag, word) in enumerate(pairwise(found[:flags])):
            action = self._option_string_actions.get(flag)
            if action is not None and action.nargs == "?" and word not in (action.choices or ()):
                found[at] = f"{flag}={action.const}"
        return found

    def error(self, message: str) -> NoReturn:
        from tui.text.sanitize import plain

        self.exit(2, f"dyntop: {plain(message)}; see {self.prog} --help\n")
