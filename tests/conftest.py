"""What all tests share: the order in which their files are begun, what hypothesis does, a network
of their own, an etcd, and certificates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.namespace import NotAllowed, own_network
from tests.permissions import bound_by_permissions
from tests.servers import EtcdServer
from tests.tls import TlsFiles, make_tls

# The same examples in every run, and no stop-watch: these machines are shared.
settings.register_profile("dyntop", derandomize=True, deadline=None, database=None)
settings.load_profile("dyntop")

TESTS = Path(__file__).parent
FIRST = ("snapshots", "real", "metrics", "tui")
"""Folders whose files take longest: begun last, one of them would keep everybody waiting."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Needs `--no-loadscope-reorder`, since xdist would begin with the files of most tests."""

    def rank(item: pytest.Item) -> int:
        folder = item.path.relative_to(TESTS).parts[0]
        return FIRST.index(folder) if folder in FIRST else len(FIRST)

    items.sort(key=rank)


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
