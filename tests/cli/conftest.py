from __future__ import annotations

import contextlib
import gc
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from tests.support.etcd_server import EtcdServer
from tests.support.programs import clean_environment
from tests.support.registering import LONG_AGO
from tests.support.running import Ended, put_file
from tui.cli.main import main


class Here(Protocol):
    def __call__(self, *args: str, env: dict[str, str] | None = None) -> Ended: ...


INSTANCE = b"v1/instances/prod/backend/generate/7d7ba1fd23957b1c"
CARD = b"v1/mdc/prod/backend/generate/7d7ba1fd23957b1c"

BODY = (
    b'{"type":"Endpoint","component":"backend","endpoint":"generate","namespace":"prod",'
    b'"instance_id":9041998785472199452,"transport":{"tcp":"10.0.0.7:9000/x/generate"}}'
)
CARD_BODY = (
    b'{"type":"Model","component":"backend","endpoint":"generate","namespace":"prod",'
    b'"instance_id":9041998785472199452,"card_json":{"display_name":"Qwen/Qwen3-32B"}}'
)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A file store with one instance and its model card, which their worker keeps alive: a file
    expires after ten seconds, and on a busy machine a command may take as long."""
    root = tmp_path / "kv"
    files = [put_file(root, INSTANCE, BODY), put_file(root, CARD, CARD_BODY)]
    ended = threading.Event()
    worker = threading.Thread(target=_keep_alive, args=(files, ended), daemon=True)
    worker.start()
    yield root
    ended.set()
    worker.join()


def _keep_alive(files: list[Path], ended: threading.Event) -> None:
    """As Dynamo's file store does, but not what a test made old on purpose."""
    while not ended.wait(1.0):
        for file in files:
            with contextlib.suppress(OSError):  # it may be removed meanwhile
                if file.stat().st_mtime > LONG_AGO:
                    os.utime(file)


@pytest.fixture
def state(tmp_path: Path) -> dict[str, str]:
    """The environment that leads to an audit of the test's own, in a folder yet to be made."""
    return {"XDG_STATE_HOME": str(tmp_path / "state")}


@pytest.fixture
def in_folder(folder: Path, state: dict[str, str]) -> dict[str, str]:
    """The environment that leads to it."""
    return state | {"DYN_DISCOVERY_BACKEND": "file", "DYN_FILE_KV": str(folder)}


@pytest.fixture
def in_etcd(etcd: EtcdServer, state: dict[str, str]) -> dict[str, str]:
    return state | {"ETCD_ENDPOINTS": etcd.endpoint}


@pytest.fixture
def here(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, state: dict[str, str]
) -> Iterator[Here]:
    """Runs `dyntop` in this process: for many small questions, where starting it is most of the
    time. Not with etcd: gRPC's threads do not go well with the processes that tests start."""
    for name in os.environ.keys() - clean_environment().keys():
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", state["XDG_STATE_HOME"])
    on_interrupt = signal.getsignal(signal.SIGINT)

    def run(*args: str, env: dict[str, str] | None = None) -> Ended:
        with monkeypatch.context() as patch:
            for name, value in (env or {}).items():
                patch.setenv(name, value)
            code = main(args)
        out, err = capsys.readouterr()
        return Ended(code, out.encode(), err)

    yield run
    signal.signal(signal.SIGINT, on_interrupt)
    gc.enable()
