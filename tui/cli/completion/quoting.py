"""Write a word so that a shell reads it as that one word, whatever characters it has.

bash takes a completion as it is: it is quoted here. zsh and fish quote by themselves, by the rules
of their own release and options: they get the word itself, in the form in which each takes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

PLAIN = re.compile(r"(?:[\w./:@+,%=-]|[^\x00-\x7f])*", re.ASCII)
"""Letters, digits, a few signs, and what is no ASCII: means nothing to a shell within a word."""

BLANKS_AND_OPERATORS = frozenset(" \t\n;|&<>()")
"""Ends a word of bash where it is not quoted."""

QUOTED_IN_DOUBLE = frozenset('\\"$`')
"""What a backslash quotes in double quotes."""

HIDES_QUOTES = frozenset("({['\"")
"""Behind a `$`: begins what may have quotes of its own."""

# --- all shells ----------------------------------------------------------------------------------


def is_plain(word: str) -> bool:
    """Return whether no shell reads a word otherwise than it is, in quotes or without."""
    return PLAIN.fullmatch(word) is not None


def is_ascii_to_quote(word: str) -> bool:
    """Return whether a word has nothing to quote, or nothing but ASCII.

    Where bash or zsh do not read UTF-8, no other word is safe in them. In GBK, for one, the last
    byte of a character may take what follows for a part of itself: the backslash before a `$`, or a
    backquote that zsh then does not see when it quotes, and sees when it runs the line.
    """
    return word.isascii() or is_plain(word)


# --- bash ----------------------------------------------------------------------------------------


class Typed(NamedTuple):
    """How the last word of a line stands in bash, as far as it was typed."""

    text: str
    """Without its quotes."""
    quote: str
    """The quote that is open: `'`, `"` or none."""
    is_literal: bool
    """Whether it is its text, and is sure to stand in these quotes. Not if bash replaces a part of
    it (`$`, `!`, a backquote), or a command or value before it that may have quotes of its own."""


def typed_in_bash(line: str) -> Typed:
    """Read a line as bash does, up to its end."""
    text, quote, is_sure, at = "", "", True, 0
    is_replaced = False  # a part of the last word, by its value
    while at < len(line):
        char = line[at]
        at += 1
        if quote == "'":
            text, quote = (text, "") if char == quote else (text + char, quote)
        elif char == "\\":
            # A backslash at the very end quotes what comes next, which is not typed yet.
            quoted = line[at : at + 1]
            text += ("" if not quote or quoted in QUOTED_IN_DOUBLE else char) + quoted
            at += 1
        elif char in "$`!":
            text, is_replaced = text + char, True
            is_sure &= char == "$" and line[at : at + 1] not in HIDES_QUOTES
        elif quote:
            text, quote = (text, "") if char == quote else (text + char, quote)
        elif char in "'\"":
            quote = char
        elif char in BLANKS_AND_OPERATORS:
            text, is_replaced = "", False
        else:
            text += char
    return Typed(text, quote, is_sure and not is_replaced)


def for_bash(words: Iterable[str], line: str, replaced: str) -> list[str]:
    """Return what bash is to put in the place of `replaced`, the end of a line, for each word.

    bash replaces no whole word: what it takes for the word begins behind a quote that is open, or
    behind a character such as `:` or `=`. Only what is missing there is written, in the quotes that
    are open there.

    Left out: words that do not go on from what stays, and words to quote where that is not literal.
    """
    if not line.endswith(replaced):
        return []
    typed = typed_in_bash(line[: len(line) - len(replaced)])
    start = len(typed.text)
    return [
        _quoted_for_bash(word[start:], typed.quote)
        for word in words
        if word.startswith(typed.text) and (typed.is_literal or is_plain(word))
    ]


def _quoted_for_bash(text: str, quote: str) -> str:
    if is_plain(text):
        return text
    quoted = "".join(_char_for_bash(char, quote) for char in text)
    if not quote:
        return quoted
    # bash takes a quote in front for the one that is open, and one at the end for the one that
    # closes it.
    return f"{quote * quoted.startswith(quote)}{quoted}{quote * quoted.endswith(quote)}"


def _char_for_bash(char: str, quote: str) -> str:
    if is_plain(char):
        return char
    # Within its own quotes a `'` cannot be quoted, and `\!` in double quotes stays two characters.
    if (quote == "'" and char == quote) or (quote == '"' and char == "!"):
        return f"{quote}\\{char}{quote}"
    is_quoted = char not in QUOTED_IN_DOUBLE if quote == '"' else quote == "'"
    return char if is_quoted else f"\\{char}"


# --- zsh -----------------------------------------------------------------------------------------


def for_zsh(word: str) -> str:
    """Return a word for `_describe`: it takes one backslash off each character, and what follows a
    colon for a description. Then zsh quotes the word, for the quotes that are open."""
    return word.replace("\\", "\\\\").replace(":", "\\:")


# --- fish ----------------------------------------------------------------------------------------


def is_for_fish(word: str) -> bool:
    """Return whether fish quotes a word. It quotes all but a tilde in front, so that `~root` would
    become a folder: such words are left out."""
    return not word.startswith("~")
