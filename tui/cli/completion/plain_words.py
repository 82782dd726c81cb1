"""The only characters that reach the shell.

Anybody who may write to the store chooses the names in it. argcomplete quotes for bash, and zsh and
fish quote by themselves; a name that would need that is left out all the same, so that no shell
and no setting of one can take a part of a name for anything but text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

PLAIN = frozenset("_-./:@+,%=")
"""Besides letters and digits: means nothing to bash, zsh and fish within a word."""

NOT_FIRST = frozenset("-=+%@:,")
"""Begins an option, a path of zsh (`=name`), and the like: no name from elsewhere begins so."""

LONGEST = 256
"""Characters. Longer names are of no use at a prompt."""


def is_plain(word: str) -> bool:
    """Return whether each character of a word is a letter, a digit, or means nothing to a shell."""
    return all(char in PLAIN or char.isalnum() for char in word)


def plain_names(names: Iterable[str], prefix: str) -> Iterator[str]:
    """Yield the names with a prefix that may reach the shell, each once, in their order."""
    for name in dict.fromkeys(names):
        if (
            name.startswith(prefix)
            and 0 < len(name) <= LONGEST
            and name[0] not in NOT_FIRST
            and is_plain(name)
        ):
            yield name
