"""Errors of recordings."""

from __future__ import annotations

from backends.store import StoreError


class BadRecording(StoreError):
    """The file at `path` cannot be read as a recording, or not at that place. `problem` is a clause
    on why."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem


class NotInRecording(StoreError):
    """The recording at `path` does not tell what was asked for. `problem` is a clause on why."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem


class NotRecorded(StoreError):
    """Nothing was recorded for a while: what was registered meanwhile is not known."""

    def __init__(self) -> None:
        super().__init__("nothing was recorded for a while")
