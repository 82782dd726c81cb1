"""A file system that blocks without a word, as a network's does whose server is away, is lost."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from backends.file import FileStore
from backends.file.folder import Folder
from backends.file.watch import FolderTimes
from backends.store import Cause, Lost, Resync, Unreachable
from tests.file.following import DEADLINE, following, write


@pytest.mark.parametrize("blocks", ["listing", "read"])
@pytest.mark.parametrize("notifications", [True, False], ids=["with notices", "by polls"])
async def test_a_folder_that_does_not_answer_is_lost_until_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blocks: str, notifications: bool
) -> None:
    answers = threading.Event()
    answers.set()
    asking = most = 0
    ask = getattr(Folder, blocks)

    def slow(*arguments: object) -> object:
        nonlocal asking, most
        asking += 1
        most = max(most, asking)
        try:
            assert answers.wait(DEADLINE)
            return ask(*arguments)
        finally:
            asking -= 1

    monkeypatch.setattr(Folder, blocks, slow)
    bucket = tmp_path / "v1" / "instances"
    bucket.mkdir(parents=True)
    write(bucket / "a", b"1")
    patience = FolderTimes(longest_look=0.0, slack=0.0, grace=0.2)
    store = FileStore(tmp_path, poll_interval=0.05, notifications=notifications, patience=patience)
    async with following(store) as follower:
        await follower.until(lambda: follower.count(Resync) > 0)
        # On a loaded machine there may be others, of looks that took long.
        losses = follower.count(Lost)
        answers.clear()
        try:
            write(bucket / "b", b"2")
            await follower.until(lambda: follower.count(Lost) > losses)
            lost = [event for event in follower.events if isinstance(event, Lost)][-1]
            assert isinstance(lost.error, Unreachable)
            assert lost.error.cause is Cause.TIMEOUT
        finally:
            answers.set()
        resyncs = follower.count(Resync)
        await follower.until(lambda: follower.count(Resync) > resyncs)
        assert {entry.value for entry in follower.entries.values()} == {b"1", b"2"}
    # What hangs is waited for, and nothing else is started beside it.
    assert most == 1
