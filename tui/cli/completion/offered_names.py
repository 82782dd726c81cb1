"""Which names are offered.

Anybody who may write to the store chooses the names in it. A name that is offered is harmless on
the screen, and the command finds it as it is. `quoting` makes it one literal word of the shell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tui.text.sanitize import plain

OPTION = "-"
"""Begins an option for the command, however the shell is told the word: no name begins so."""

LONGEST = 256
"""Characters. Longer names are of no use at a prompt."""


def is_clean(name: str) -> bool:
    """Return whether a terminal shows a name as it is: no control character or line end, no
    direction mark, nothing invisible. Such a name is left out, not rewritten: under the name that
    `plain` makes of it no command would find it."""
    return plain(name) == name


def offered_names(names: Iterable[str], prefix: str) -> Iterator[str]:
    """Yield the names with a prefix that may be offered, each once, in their order."""
    for name in dict.fromkeys(names):
        if (
            name.startswith(prefix)
            and 0 < len(name) <= LONGEST
            and name[0] != OPTION
            and is_clean(name)
        ):
            yield name
