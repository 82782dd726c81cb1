"""A mistyped word is taken for the same known one wherever it was typed."""

from __future__ import annotations

import pytest

from tui.config.preferences import unknown
from tui.text.suggestions import LONGEST, did_you_mean

KNOWN = ("overview", "instances", "models", "workers", "channels")
TYPED = ("worker", "wrokers", "WORKERS", "mod", "over", "x", "zzzz", "", "o" * (LONGEST + 1))


@pytest.mark.parametrize("word", TYPED)
def test_the_settings_file_and_the_command_line_mean_the_same_word(word: str) -> None:
    _, is_meant, meant = did_you_mean(word, KNOWN).rstrip("?)").partition("did you mean ")
    hint = unknown(word, KNOWN, "tab").partition(" is no tab: ")[2]
    assert hint == (f"did you mean {meant}" if is_meant else f"there are {', '.join(KNOWN)}")
