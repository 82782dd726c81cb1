"""Answer the shell."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from argcomplete.completers import SuppressCompleter
from argcomplete.finders import CompletionFinder

from tui.cli.completion.arguments import add_completers
from tui.cli.completion.offered_names import is_clean
from tui.cli.completion.quoting import (
    for_bash,
    for_zsh,
    is_ascii_to_quote,
    is_for_fish,
    is_plain,
    typed_in_bash,
)
from tui.cli.completion.scripts import CHARACTERS, IS_SURE, REPLACED
from tui.cli.completion.store_names import StoreNames

if TYPE_CHECKING:
    from tui.cli.arguments.parser import Parser

ANSWERS = 8
"""The file descriptor on which argcomplete's scripts read."""

OTHER_OUTPUT = "_ARGCOMPLETE_STDOUT_FILENAME"
"""Names a file instead, where a system has no such descriptors."""


def answer(parser: Parser) -> int:
    """Write the words that the shell asked for, and end the process. Returns the exit code if there
    is nowhere to write to. Logs nothing."""
    logging.disable()
    output = None
    if OTHER_OUTPUT not in os.environ:
        try:
            # Not in the locale's encoding: it may have no room for a name.
            output = os.fdopen(ANSWERS, "w", encoding="utf-8")
        except OSError:
            return 1
    respond(parser, StoreNames(os.environ), output, os._exit)
    return 1


def respond(
    parser: Parser, names: StoreNames, output: TextIO | None, end: Callable[[int], object]
) -> None:
    """Write the words for the line that argcomplete's script put into the environment, and call
    `end` with an exit code. None: write to the file that is named there."""
    add_completers(parser, names)
    Finder()(
        parser,
        always_complete_options=False,
        output_stream=output,
        exit_method=end,
        default_completer=SuppressCompleter(),
    )


class Finder(CompletionFinder):
    """Finds what a word can be."""

    def _init_debug_stream(self) -> None:
        """Keep standard error for argcomplete's own messages (`_ARC_DEBUG`). It would take file
        descriptor 9, which may be something else's; the scripts lead both to one place."""

    def collect_completions(
        self,
        active_parsers: list[argparse.ArgumentParser],
        parsed_args: argparse.Namespace,
        cword_prefix: str,
    ) -> list[str]:
        """Return the words, also names that follow an option: argparse takes no more of them once
        an option has followed the first word, and `Parser` does."""
        parser = active_parsers[-1]
        active: list[argparse.Action] = getattr(parser, "active_actions", [])
        # What is active and an option still waits for its value.
        if not any(one.option_strings and one.nargs is None for one in active):
            active += [
                one
                for one in parser._get_positional_actions()
                if one.nargs == argparse.ZERO_OR_MORE and one not in active
            ]
        if os.environ.get("_ARGCOMPLETE_SHELL") in ("bash", "zsh"):
            # argcomplete does not take a backslash off a `$` in double quotes.
            cword_prefix = typed_in_bash(_line()).text
        return super().collect_completions(active_parsers, parsed_args, cword_prefix)

    def filter_completions(self, completions: list[str]) -> list[str]:
        """Return each word once, without those that a terminal would not show as they are."""
        return [one for one in dict.fromkeys(completions) if is_clean(one)]

    def quote_completions(
        self, completions: list[str], cword_prequote: str, last_wordbreak_pos: int | None
    ) -> list[str]:
        """Return the words as the shell takes them. Those with nothing to quote go through
        argcomplete where it is not sure how a word is read: it quotes for files, which nobody else
        names. So do all for a script of an older dyntop."""
        shell, environ = os.environ.get("_ARGCOMPLETE_SHELL"), os.environ
        if shell == "fish":
            return [one for one in completions if is_for_fish(one)]
        if environ.get(IS_SURE) != "1":
            plain = [one for one in completions if is_plain(one)]
            return super().quote_completions(plain, cword_prequote, last_wordbreak_pos)
        if environ.get(CHARACTERS) != "1":
            completions = [one for one in completions if is_ascii_to_quote(one)]
        if shell == "zsh":
            escaped = {for_zsh(one): one for one in completions}
            for word, one in escaped.items():
                self._display_completions[word] = self._display_completions.get(one, "")
            return list(escaped)
        found = for_bash(completions, _line(), environ.get(REPLACED, ""))
        # The script cannot do it in bash before 4.
        if self.append_space and len(found) == 1 and not cword_prequote:
            found[0] += "" if found[0].endswith(("=", "/", ":")) else " "
        return found


def _line() -> str:
    """Return the line up to the cursor."""
    return os.environ["COMP_LINE"][: int(os.environ["COMP_POINT"])]
