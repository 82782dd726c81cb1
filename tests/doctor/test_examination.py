"""Steps that no test can have of a real server: a file system that hangs, an API server's words."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from backends.connections import FileConnection, KubernetesConnection
from backends.doctor import Asked, Step, StepKind, StepResult, examine
from backends.doctor.steps import (
    ClockDifference,
    LoggedIn,
    Removable,
    Skipped,
    StepFailure,
    TimedOut,
)
from backends.file import FileStore
from backends.store import Cause, Unreachable
from tests.support.kubernetes import shapes
from tests.support.kubernetes.standin import WORKERS, StandIn

LIMIT = 30.0
"""Seconds of a step that ends by itself, on a busy machine too."""


async def steps_of(asked: Asked) -> dict[StepKind, Step]:
    steps = [step async for step in examine(asked)]
    assert [step.kind for step in steps] == list(StepKind)
    return {step.kind: step for step in steps}


async def test_a_file_system_that_hangs_ends_its_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()
    monkeypatch.setattr(FileStore, "bucket_folders", lambda _: answers.wait())
    try:
        steps = await steps_of(Asked(connection=FileConnection(root=tmp_path), limit=0.2))
    finally:
        answers.set()
    assert steps[StepKind.ANSWER].finding == TimedOut(0.2)
    assert steps[StepKind.ANSWER].result is StepResult.FAILED
    for kind in (StepKind.READ, StepKind.RECORDS, StepKind.ALARMS, StepKind.TERM):
        assert steps[kind].finding == Skipped(StepKind.ANSWER)


async def test_an_api_server_is_asked_for_the_user_the_rights_and_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = StandIn()
    await server.start()
    try:
        server.kubeconfig(tmp_path / "kubeconfig")
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        server.store.put(WORKERS, shapes.worker("a-worker", {}))
        steps = await steps_of(Asked(connection=KubernetesConnection(), limit=LIMIT))
        failed = [step for step in steps.values() if step.result is StepResult.FAILED]
        assert failed == []
        assert isinstance(steps[StepKind.LOGIN].finding, LoggedIn)
        assert isinstance(steps[StepKind.REMOVE].finding, Removable)
        clock = steps[StepKind.CLOCK]
        assert isinstance(clock.finding, ClockDifference), clock
        assert clock.result is StepResult.OK
    finally:
        await server.stop()
    steps = await steps_of(Asked(connection=KubernetesConnection(), limit=LIMIT))
    assert steps[StepKind.PORT].result is StepResult.FAILED


async def test_a_kubeconfig_that_is_missing_fails_at_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nowhere"))
    connection = KubernetesConnection(context="no-such-context")
    steps = await steps_of(Asked(connection=connection, limit=LIMIT))
    assert steps[StepKind.SETTINGS].result is StepResult.FAILED
    assert isinstance(steps[StepKind.SETTINGS].finding, StepFailure)
    assert steps[StepKind.NAME].finding == Skipped(StepKind.SETTINGS)


async def test_a_store_that_stops_answering_is_asked_for_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(*_: object) -> None:
        raise Unreachable(str(tmp_path), Cause.LOST)

    monkeypatch.setattr(FileStore, "snapshot", lost)
    steps = await steps_of(Asked(connection=FileConnection(root=tmp_path), limit=LIMIT))
    assert steps[StepKind.READ].result is StepResult.FAILED
    for kind in (StepKind.REMOVE, StepKind.RECORDS, StepKind.CLOCK, StepKind.ALARMS):
        assert steps[kind].finding == Skipped(StepKind.READ)
    # These do not need the store.
    assert steps[StepKind.NATS].result is StepResult.NOT_APPLICABLE
