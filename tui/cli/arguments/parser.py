"""A parser whose errors read as dyntop's, and that knows its flags once it is used."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

_BELOW_ZERO = re.compile("-[0-9]")

LONGEST_MESSAGE = 2_000
"""Columns of an error: a word of the command line may be 100 KB long."""


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

    _given: Sequence[str] = ()
    """The words that it parses."""

    def format_help(self) -> str:
        self.complete()
        return super().format_help()

    def print_help(self, file: SupportsWrite[str] | None = None) -> None:
        """Print the help. Exits with 141 if its reader left, with 1 if it cannot be written.

        argparse drops these errors, which come here already if the text is longer than a buffer.
        """
        if (to := sys.stdout if file is None else file) is None:
            return
        try:
            to.write(self.format_help())
        except OSError as error:
            raise SystemExit(141 if isinstance(error, BrokenPipeError) else 1) from None

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        """Parse a whole command line. Exits with 2 for a word that is no option and no value."""
        parsed, left = self.parse_known_args(args, namespace)
        if left:
            asked = self._of_command(getattr(parsed, "command", None))
            if (option := next((one for one in left if one.startswith("-")), None)) is not None:
                asked.error(asked.no_option(option))
            asked.error(f"too many words: {' '.join(left)}")
        return parsed

    def commands(self) -> dict[str, Parser]:
        """Return the parser of each command, by its name."""
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                return {**action.choices}
        return {}

    def _of_command(self, name: str | None) -> Parser:
        """Return the parser of a command. None: this one."""
        return self if name is None else self.commands()[name]

    def no_option(self, option: str) -> str:
        """Return the sentence on an option that there is not."""
        from tui.text.suggestions import did_you_mean

        name = option.partition("=")[0]
        return f"there is no option {name}{did_you_mean(name, self._option_string_actions)}"

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Raise `ArgumentError` for a word that is none of the choices, with the one it is like.

        A word behind a mistyped option is its value, which argparse takes for something else.
        """
        if action.choices is None or value in action.choices:
            return
        from tui.text.suggestions import did_you_mean

        if (option := self._mistyped_before(value)) is not None:
            raise argparse.ArgumentError(None, self.no_option(option))
        like = did_you_mean(value, action.choices)
        choices = ", ".join(action.choices)
        if isinstance(action, argparse._SubParsersAction):
            known = like or f"; the commands are {choices}"
            raise argparse.ArgumentError(None, f"there is no command {value!r}{known}")
        raise argparse.ArgumentError(action, f"{value!r}{like} is none of {choices}")

    def _mistyped_before(self, value: str) -> str | None:
        """Return the first option before a word that there is not. None: there are all."""
        for word in self._given:
            if word in (value, "--"):
                break
            name = word.partition("=")[0] if word.startswith("--") else word[:2]
            if len(word) > 1 and name.startswith("-") and name not in self._option_string_actions:
                return word
        return None

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse, and also accept names that follow a flag.

        argparse takes no more names once a flag has followed the first word, and takes any word
        after a flag for its value, even if the value is optional.
        """
        self.complete()
        self._given = given = sys.argv[1:] if args is None else list(args)
        parsed, left = super().parse_known_args(self._with_values(given), namespace)
        if left and getattr(parsed, "names", None) is not None:
            parsed.names += [one for one in left if not one.startswith("-")]
            left = [one for one in left if one.startswith("-")]
        return parsed, left

    def _with_values(self, args: Sequence[str]) -> list[str]:
        """Return the words of a command line, with its default value added to each flag whose
        optional value is missing, and joined to its flag each value that begins as a number below
        0 does: argparse takes `-10m` for a flag."""
        found = list(args)
        flags = found.index("--") if "--" in found else len(found)
        joined = set()
        for at, (flag, word) in enumerate(pairwise(found[:flags])):
            action = self._option_string_actions.get(flag)
            if action is None or at in joined:
                continue
            if action.nargs == "?" and word not in (action.choices or ()):
                found[at] = f"{flag}={action.const}"
            elif action.nargs is None and _BELOW_ZERO.match(word):
                found[at] = f"{flag}={word}"
                joined.add(at + 1)
        return [word for at, word in enumerate(found) if at not in joined]

    def error(self, message: str) -> NoReturn:
        from tui.text.sanitize import clip

        self.exit(2, f"dyntop: {clip(message, LONGEST_MESSAGE)}; see {self.prog} --help\n")
