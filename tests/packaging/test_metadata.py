"""What the package says of itself is so."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from trove_classifiers import classifiers

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PYTHON = "Programming Language :: Python :: "


def test_every_classifier_is_one_that_an_index_knows_and_stands_once() -> None:
    assert [one for one in PROJECT["classifiers"] if one not in classifiers] == []
    assert PROJECT["classifiers"] == list(dict.fromkeys(PROJECT["classifiers"]))


def test_the_releases_of_python_are_those_that_the_tests_run_with() -> None:
    named = [one.removeprefix(PYTHON) for one in PROJECT["classifiers"] if PYTHON in one]
    releases = [one for one in named if re.fullmatch(r"3\.\d+", one)]
    tested = re.search(r"for version in (.+); do", (ROOT / ".ci" / "other-pythons").read_text())
    assert tested is not None
    assert releases == tested[1].split()
    assert PROJECT["requires-python"] == f">={releases[0]}"
