"""The Makefile: environments that are the same on every day."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")
def test_dynamo_environments_are_installed_in_versions_that_are_pinned() -> None:
    """`pyproject.toml` bounds what dyntop itself takes; nothing else bounds these."""
    printed = subprocess.run(
        ["make", "--dry-run", "--always-make", "cluster", "releases"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    wanted = [
        word
        for line in printed.replace("\\\n", " ").splitlines()
        if " -m pip install " in line and "--editable" not in line
        for word in shlex.split(line.partition(" -m pip install ")[2])
        if not word.startswith("-") and "/" not in word
    ]
    assert {re.split("[=<>]", word)[0] for word in wanted} >= {"ai-dynamo", "pydantic", "nats-py"}
    assert [word for word in wanted if not re.fullmatch(r"[\w.-]+==[\w.]+", word)] == []
