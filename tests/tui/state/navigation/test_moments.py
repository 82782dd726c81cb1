"""Revisions and times that are typed are understood, or it is said what may be typed."""

from __future__ import annotations

import pytest

from tui.state.navigation.moments import revision_named, time_named
from tui.state.past.moves import ToRevision
from tui.state.reported_removals import Notice


@pytest.mark.parametrize("typed", ["48211", "48,211", "48_211"])
def test_a_revision_may_have_separators(typed: str) -> None:
    assert revision_named(typed) == ToRevision(48211)


@pytest.mark.parametrize("typed", ["0", "-1", "x", "1.5", "٣", "9" * 30, "\x1b[1m", ","])
def test_what_is_no_revision_is_said(typed: str) -> None:
    found = revision_named(typed)
    assert isinstance(found, Notice)
    assert found.text.isprintable()
    assert "no revision" in found.text


def test_what_is_no_time_is_said() -> None:
    found = time_named("soon")
    assert isinstance(found, Notice)
    assert "is no time" in found.text
    assert not isinstance(time_named("14:02"), Notice)
