"""`backends` is a library: it needs no dashboard, and no client library until one is chosen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

MODULES = sorted(
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for file in (ROOT / "backends").rglob("*.py")
)
STORES_WITH_CLIENTS = ("backends.etcd", "backends.file", "backends.nats")
WITHOUT_CLIENTS = [module for module in MODULES if not module.startswith(STORES_WITH_CLIENTS)]

DASHBOARD = {"textual", "rich", "tui"}
CLIENTS = {
    "grpc",
    "pyetcd",
    "google.protobuf",
    "watchfiles",
    "nats",
    "zmq",
    "msgpack",
    "aiohttp",
    "prometheus_client",
}


def imported_with(module: str) -> set[str]:
    """All modules that a fresh process has once it has imported this one."""
    program = f"import sys, {module}; print(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize("module", MODULES)
def test_a_module_of_the_library_imports_nothing_of_the_dashboard(module: str) -> None:
    assert not imported_with(module) & DASHBOARD


@pytest.mark.parametrize("module", WITHOUT_CLIENTS)
def test_a_module_that_is_no_store_imports_no_store_s_client(module: str) -> None:
    assert not imported_with(module) & CLIENTS


def test_the_modules_were_found() -> None:
    assert {"backends", "backends.keys", "backends.memory", "backends.demo.cluster"} <= set(MODULES)
