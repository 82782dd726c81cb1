"""What all tests share: the order in which their files are begun, what hypothesis does, a network
of their own, an etcd, and certificates."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from backends.discovery.discovery import Discovery
from backends.memory import Keyspace, MemoryStore
from backends.removal.audit.audit import Audit
from backends.removal.removals import Removals
from tests.support.auditing import NOON, audit_at
from tests.support.etcd_server import EtcdServer
from tests.support.kubernetes import program
from tests.support.kubernetes.cluster import Kubernetes
from tests.support.kubernetes.namespace import KubeNamespace, kube_namespace
from tests.support.namespace import NotAllowed, own_network
from tests.support.permissions import bound_by_permissions
from tests.support.scheduling import KUBERNETES, OneApiServer
from tests.support.terminal import fork_dashboards
from tests.support.tls import TlsFiles, make_tls

# As `main` does: gRPC reads it with its first channel, and would write failed handshakes to
# standard error, in whatever test runs by then.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

fork_dashboards()

# The same examples in every run, and no stop-watch: these machines are shared.
settings.register_profile("dyntop", derandomize=True, deadline=None, database=None)
settings.load_profile("dyntop")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As a shell leaves it for what runs in the background: every program that a test starts, and
    # then interrupts, would ignore it too.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Python would go over all modules and all tests again and again: a fifth of what tests of the
# dashboard take. It begins once they are collected, and does not look at those.
gc.disable()
COLLECTIONS = (20_000, 10, 10)
"""After how many new objects, and how many smaller ones, garbage is collected in tests."""

TESTS = Path(__file__).parent
FIRST = (
    KUBERNETES,
    "docs/test_blocks.py",
    "agreement",
    "truth",
    "snapshots",
    "cli/test_one_judge.py",
    "faults/test_etcd_slow.py",
    "etcd/test_evidence_after_trouble.py",
    "real",
    "hostile",
    "fuzz",
    "tui/test_growth.py",
    "metrics",
    "tui",
    "faults",
    "cli",
    "docs",
    "etcd",
)
"""Folders and files that take longest: begun last, one of them would keep everybody waiting. Those
that mostly wait come before others, so that somebody else computes meanwhile. What is not named
here takes seconds, and fills the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Needs `--no-loadscope-reorder`, since xdist would begin with the files of most tests."""

    def rank(item: pytest.Item) -> int:
        path = item.path.relative_to(TESTS)
        places = [path.parts[0], path.as_posix()]
        return min((FIRST.index(place) for place in places if place in FIRST), default=len(FIRST))

    items.sort(key=rank)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneApiServer:
    return OneApiServer(config, log)


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTIONS)
    gc.enable()


@pytest.fixture(autouse=True)
def _a_terminal_of_all_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw the same whatever terminal the tests are run from."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.fixture
def network() -> Iterator[None]:
    """A network of this test's own, e.g. since Dynamo's ZMQ publishers listen on all addresses of
    theirs. Where that is not allowed, the test is skipped."""
    try:
        with own_network():
            yield
    except NotAllowed as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def shared_etcd() -> Iterator[EtcdServer]:
    with EtcdServer() as server:
        yield server


@pytest.fixture
def etcd(shared_etcd: EtcdServer) -> EtcdServer:
    """An etcd without keys; leases of other tests may be left in it. Where tests stop it or look at
    more than keys, their folder or module has one of its own by this name."""
    shared_etcd.etcdctl("del", "--prefix", "")
    return shared_etcd


@pytest.fixture(scope="session")
def kubernetes_program() -> Path:
    """The program of a Kubernetes API server. Where it was not built, the test is skipped."""
    try:
        return program.find()
    except program.NotBuilt as reason:
        if program.is_needed():
            raise
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def shared_kubernetes(kubernetes_program: Path, tls: TlsFiles) -> Iterator[Kubernetes]:
    """A Kubernetes API server with controllers, which no test stops."""
    with Kubernetes(kubernetes_program, tls) as kubernetes:
        yield kubernetes


@pytest.fixture(scope="session")
def _second_kubernetes(kubernetes_program: Path, tls: TlsFiles) -> Iterator[Kubernetes]:
    with Kubernetes(kubernetes_program, tls) as kubernetes:
        yield kubernetes


@pytest.fixture
def stoppable_kubernetes(_second_kubernetes: Kubernetes) -> Kubernetes:
    """A running API server with controllers that tests may stop, wipe and restore. Each makes a
    `KubeNamespace` of its own on it."""
    if not _second_kubernetes.running:
        _second_kubernetes.restart()
    return _second_kubernetes


@pytest.fixture
def kube(shared_kubernetes: Kubernetes) -> Iterator[KubeNamespace]:
    """A Kubernetes namespace of this test's own, on the shared API server."""
    with kube_namespace(shared_kubernetes) as place:
        yield place


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    """A private authority and what it signed."""
    return make_tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def foreign_tls(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    """Another authority, which nobody trusts."""
    return make_tls(tmp_path_factory.mktemp("foreign-tls"))


@pytest.fixture
def permissions_bind() -> Iterator[None]:
    """What a file's mode forbids is forbidden, root or not. Where that is not possible, the test is
    skipped."""
    try:
        with bound_by_permissions():
            yield
    except NotAllowed as reason:
        pytest.skip(str(reason))


@pytest.fixture
def keyspace() -> Keyspace:
    return Keyspace()


@pytest.fixture
def discovery(keyspace: Keyspace) -> Discovery:
    return Discovery(MemoryStore(keyspace))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "dyntop" / "audit.jsonl"


@pytest.fixture
def audit(path: Path) -> Audit:
    return audit_at(path)


@pytest.fixture
def acts(discovery: Discovery, audit: Audit) -> Removals:
    return Removals(discovery, audit)


@pytest.fixture
def unaudited(discovery: Discovery) -> Removals:
    return Removals(discovery, None, clock=lambda: NOON)
