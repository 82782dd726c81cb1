"""The programs that the documents show for the library do what is said there, on a real etcd."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.docs.documents import DOCUMENTS, REFERENCE, blocks, name_of
from tests.support.etcd_server import EtcdServer
from tests.support.registered import card, instance
from tests.support.registering import put, put_worker
from tests.support.running import environment

LIBRARY = REFERENCE / "library.md"
DEFAULT = "http://localhost:2379"
MOST_LINES = 8
GONE = 0xDEAD


def program(heading: str, endpoint: str) -> str:
    """Return the program below a heading, on the etcd of the test."""
    _, _, below = LIBRARY.read_text().partition(f"## {heading}\n")
    found = re.search(r"```python\n(.*?)```", below, re.DOTALL)
    assert found is not None
    assert DEFAULT in found[1]
    return found[1].replace(DEFAULT, endpoint)


def test_what_is_stale_is_asked_in_eight_lines(etcd: EtcdServer) -> None:
    put_worker(etcd)
    put(etcd, card(GONE))
    text = program("What is stale?", etcd.endpoint)
    assert len([line for line in text.splitlines() if line]) <= MOST_LINES
    command = [sys.executable, "-c", text]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
    (line,) = done.stdout.splitlines()
    assert line.startswith(f"model prod/backend/generate {GONE:x} ")
    assert f"its worker {GONE:x} has no instance and no lease" in line


def test_a_namespace_is_followed_by_a_program_of_its_own(etcd: EtcdServer) -> None:
    put(etcd, instance(1))
    put(etcd, instance(2, namespace="other"))
    text = program("Follow a namespace", etcd.endpoint)
    with subprocess.Popen(
        [sys.executable, "-u", "-c", text],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as following:
        try:
            assert following.stdout is not None
            assert "prod" in following.stdout.readline()
            put(etcd, instance(3))
            rest = iter(following.stdout.readline, "")
            assert any("instance_id=3" in line for line in rest)
        finally:
            following.kill()


def test_every_program_in_the_documents_is_one_of_these() -> None:
    found = [
        name_of(document)
        for document in DOCUMENTS
        for block in blocks(document)
        if block.language == "python"
    ]
    assert found == [name_of(LIBRARY)] * 2
