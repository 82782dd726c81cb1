"""The Makefile: environments that are the same on every day."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")


def printed(*arguments: str) -> str:
    """Return what `make` would run."""
    return subprocess.run(
        ["make", "--dry-run", "--always-make", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_the_address_of_a_release_is_given_to_the_build_of_its_wheel() -> None:
    (build,) = (
        line
        for line in printed("wheel", "ADDRESS=https://example.org/a/b").splitlines()
        if " pip wheel " in line
    )
    assert shlex.split(build)[0] == "PROJECT_ADDRESS=https://example.org/a/b"


def test_dynamo_environments_are_installed_in_versions_that_are_pinned() -> None:
    """`pyproject.toml` bounds what dyntop itself takes; nothing else bounds these."""
    wanted = [
        word
        for line in printed("cluster", "releases").replace("\\\n", " ").splitlines()
        if " -m pip install " in line and "--editable" not in line
        for word in shlex.split(line.partition(" -m pip install ")[2])
        if not word.startswith("-") and "/" not in word
    ]
    assert {re.split("[=<>]", word)[0] for word in wanted} >= {"ai-dynamo", "pydantic", "nats-py"}
    assert [word for word in wanted if not re.fullmatch(r"[\w.-]+==[\w.]+", word)] == []
