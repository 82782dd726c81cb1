"""Nothing but plain text comes out, whatever comes in."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backends.dynamo import keys
from tui.text.sanitize import (
    MARKS_IN_A_ROW,
    clip,
    clip_key,
    clip_middle,
    hard_wrapped,
    plain,
    plain_key,
    width,
)

ANY_TEXT = st.text(st.characters(exclude_categories=()))
"""Lone surrogates and unassigned characters too."""

NASTY = st.text(
    st.sampled_from(
        "a\\é漢🐧\x1b\x00\n\x7f\x9b\u202e\u200b\u200d\ufe0f\u0301\u2028\ud800\U000e0041"
    )
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("prod/backend_1", "prod/backend_1"),
        ("über 漢字 🐧 日本", "über 漢字 🐧 日本"),
        ("[bold]x[/] [@click=app.quit]", "[bold]x[/] [@click=app.quit]"),
        ("\\", "\\"),
        ("\x1b]0;x\x07", "\\x1b]0;x\\x07"),
        ("a\nb\r\t\x00\x7f", "a\\x0ab\\x0d\\x09\\x00\\x7f"),
        ("\x9b2J\x85", "\\x9b2J\\x85"),
        ("\u202ecod\u2066\u200f\u061c", "\\u202ecod\\u2066\\u200f\\u061c"),
        ("a\u200bb\u200d\ufeff\u00ad\u2060", "a\\u200bb\\u200d\\ufeff\\xad\\u2060"),
        ("a\u2028\u2029\u00a0\u3000", "a\\u2028\\u2029\\xa0\\u3000"),
        ("\ud800\udcff", "\\ud800\\udcff"),
        ("\U000e0041\U000e0100\ue000\uffff", "\\U000e0041\\U000e0100\\ue000\\uffff"),
        ("\u3164\u115f\ufe0f\u034f", "\\u3164\\u115f\\ufe0f\\u034f"),
        # Decomposed letters are letters; what is drawn over the row above is not.
        ("e\u0301", "e\u0301"),
        ("\u0301e", "\\u0301e"),
        ("e" + "\u0301" * 5, "e" + "\u0301" * 3 + "\\u0301" * 2),
    ],
)
def test_what_is_not_plainly_visible_is_escaped(text: str, shown: str) -> None:
    assert plain(text) == shown


def is_harmless(text: str) -> bool:
    bad = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    return not any(unicodedata.category(char) in bad for char in text)


@given(ANY_TEXT | NASTY)
def test_any_text_becomes_harmless_and_stays_so(text: str) -> None:
    shown = plain(text)
    assert is_harmless(shown)
    assert shown.isprintable()
    assert plain(shown) == shown
    shown.encode()


@given(ANY_TEXT | NASTY, st.integers(-1, 30))
@example("漢" * 20, 5)
@example("e\u0301\u0301\u0301\u0301" * 20, 5)
def test_a_clipped_text_fits_and_says_that_it_was_cut(text: str, cells: int) -> None:
    shown = clip(text, cells)
    assert is_harmless(shown)
    assert width(shown) <= max(cells, 0)
    whole = plain(text)
    if width(whole) <= cells:
        assert shown == whole
    elif cells > 0:
        assert shown.endswith("…")
        assert whole.startswith(shown[:-1])


def test_a_clipped_text_fills_what_it_may() -> None:
    assert clip("abcdef", 6) == "abcdef"
    assert clip("abcdefg", 6) == "abcde…"
    # The second wide character would end one column too far.
    assert clip("漢字漢字", 6) == "漢字…"
    assert clip("abc", 1) == "…"
    assert clip("abc", 0) == ""
    assert clip("\x1b[0m", 5) == "\\x1b…"


def test_clipping_looks_only_at_what_can_be_shown() -> None:
    class Counting(str):
        """Says how much of it was taken."""

        __slots__ = ("taken",)

        def __getitem__(self, index: object) -> str:
            part = str.__getitem__(self, index)  # type: ignore[index]
            self.taken = len(part)
            return part

    name = Counting("e\u0301" * 100_000)
    assert width(clip(name, 20)) == 20
    assert name.taken == 21 * (1 + MARKS_IN_A_ROW)


@given(st.binary() | NASTY.map(lambda text: text.encode("utf-8", "surrogatepass")), st.booleans())
@example(b"\\x41\\", False)
@example(b"\xff41", False)
@example("\u0301\x9b".encode(), False)
def test_a_key_on_one_harmless_line_is_still_that_key(key: bytes, ascii_only: bool) -> None:
    line = plain_key(key, ascii_only=ascii_only)
    assert is_harmless(line)
    assert keys.unspell(line) == key
    if ascii_only:
        assert line.isascii()


def test_a_key_is_spelled_as_elsewhere_where_that_is_harmless() -> None:
    key = "v1/claims/é b\\".encode() + b"\xff"
    assert plain_key(key) == keys.spell(key) == "v1/claims/é b\\\\\\xff"
    assert plain_key("v1/\u202e\x1b".encode()) == "v1/\\xe2\\x80\\xae\\x1b"


@pytest.mark.parametrize(
    ("text", "cells", "shown"),
    [
        ("prod/backend/generate", 21, "prod/backend/generate"),
        (
            "prod.canary/backend/clear_kv_blocks",
            20,
            "prod.cana…_kv_blocks",
        ),
        ("prod.canary/backend/generate", 11, "prod.canar…"),
    ],
)
def test_a_path_is_clipped_in_the_middle(text: str, cells: int, shown: str) -> None:
    assert clip_middle(text, cells) == shown


@given(st.text(max_size=300), st.integers(0, 80))
def test_a_text_clipped_in_the_middle_fits_and_is_plain(text: str, cells: int) -> None:
    shown = clip_middle(text, cells)
    assert width(shown) <= cells
    assert plain(shown) == shown


@given(ANY_TEXT | NASTY, st.integers(0, 9))
def test_a_chopped_text_is_all_there_in_lines_that_are_full(text: str, cells: int) -> None:
    shown = plain(text)
    lines = hard_wrapped(shown, cells)
    assert "".join(lines) == shown
    assert all(width(line) <= max(2, cells) for line in lines)
    assert all(width(line) >= max(2, cells) - 1 for line in lines[:-1])


@given(st.binary(max_size=60), st.integers(2, 40))
def test_a_clipped_key_is_plain_and_whole_where_there_is_room(key: bytes, most: int) -> None:
    shown = clip_key(key, most)
    assert plain(shown) == shown
    assert (shown == plain_key(key)) is (len(key) <= most)


def test_a_clipped_key_says_how_much_of_it_is_left_out() -> None:
    key = b"v1/instances/" + b"x" * 100_000 + b"/1"
    assert clip_key(key, 20) == "v1/instanc… 99,995 bytes …xxxxxxxx/1"
