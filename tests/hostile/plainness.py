"""What may reach a terminal, a script, the audit file or the clipboard."""

from __future__ import annotations

import re
import unicodedata

HARMFUL = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
"""Categories of Unicode that no plain text has: controls, what cannot be seen, what turns the
direction, and what is nothing yet."""
MARKS = ("Mn", "Me")
MOST_MARKS = 3
"""In a row: what stacks more is drawn over other lines."""


def harm_in(text: str) -> list[str]:
    """What is in a text, line ends aside, that a terminal does not just show."""
    there = set(text) - {"\n"}
    found = [char for char in there if unicodedata.category(char) in HARMFUL]
    marks = [char for char in there if unicodedata.category(char) in MARKS]
    if marks:
        one = f"[{''.join(map(re.escape, marks))}]"
        found += re.findall(one * (MOST_MARKS + 1), text)
    return [ascii(char) for char in found]


def assert_plain(text: str) -> None:
    """Nothing but what can be seen, in lines."""
    assert not harm_in(text)


def assert_plain_ascii(output: bytes) -> None:
    """Of JSON, which is made of ASCII alone."""
    assert output.isascii()
    assert_plain(output.decode())
