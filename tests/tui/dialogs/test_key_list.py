"""Keys in full, and in how many lines."""

from __future__ import annotations

import pytest

from tui.dialogs.key_list import MOST_BYTES, KeyList
from tui.state.column import Cell

LONG = 100_000
CELLS = 80


def folded(number: int, key: bytes) -> list[list[str]]:
    shown = KeyList([(b"%s/%x" % (key, one), "") for one in range(number)], lambda _: Cell(""))
    shown._fold(CELLS)
    return shown._folded


@pytest.mark.parametrize("number", [1, 2])
def test_one_or_two_keys_are_shown_in_full_however_long_they_are(number: int) -> None:
    for line, lines in enumerate(folded(number, b"x" * (LONG - 2))):
        assert "".join(lines) == f"{'x' * (LONG - 2)}/{line}"


def test_keys_as_dynamo_writes_them_are_shown_in_full_however_many_there_are() -> None:
    key = b"v1/event_channels/namespace/" + b"%2D" * 100
    assert all("".join(lines).startswith(key.decode()) for lines in folded(5_000, key))


@pytest.mark.parametrize("char", ["x", "\u6f22", "e\u0301\u200b", "\x00"])
def test_of_very_many_long_keys_start_and_end_are_shown_and_the_rest_is_counted(char: str) -> None:
    name = char.encode() * (LONG // len(char.encode()))
    all_lines = folded(300, name)
    # A byte may be shown as four characters.
    assert sum(map(len, all_lines)) * CELLS < 6 * MOST_BYTES
    for number, lines in enumerate(all_lines):
        assert "".join(lines).endswith(f"/{number:x}")
        assert " bytes …" in "".join(lines)
