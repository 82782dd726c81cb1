"""Looking at thousands of files costs little, and does not take longer than people wait."""

from __future__ import annotations

import pytest

from backends.file.folder import Folder
from backends.file.watch import LONGEST_POLL, Watch


def pause(poll_interval: float, files: int) -> float:
    folder = Folder(b"/nowhere", "file:/nowhere")
    watch = Watch(
        folder,
        (b"",),
        ttl=10.0,
        poll_interval=poll_interval,
        notifications=False,
        clock=lambda: 0.0,
    )
    return watch._pause(files)


def test_few_files_are_looked_at_as_often_as_was_asked_for() -> None:
    assert pause(2.0, 0) == pause(2.0, 4000) == 2.0
    assert pause(0.05, 10) == 0.05


@pytest.mark.parametrize("files", [10_000, 1_000_000])
def test_thousands_are_looked_at_less_often_but_within_five_seconds(files: int) -> None:
    assert 2.0 < pause(2.0, files) <= LONGEST_POLL < 5.0
    assert pause(30.0, files) == 30.0
