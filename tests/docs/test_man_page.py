"""The manual page is that of the parser, and can be read."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from tests.docs.test_reference import PARSERS, options_of
from tests.support.man_page import FILE, man_page
from tests.support.programs import clean_environment

REQUESTS = {"B", "RE", "RS", "SH", "SS", "TH", "TP", "fi", "nf"}
"""All that the page needs."""


def test_it_is_current() -> None:
    """`make man` writes it."""
    assert FILE.read_text() == man_page()


def test_it_is_the_same_at_any_width_of_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert FILE.read_text() == man_page()


def test_no_text_of_it_is_taken_for_a_request() -> None:
    lines = FILE.read_text().splitlines()
    assert {line[1:].split()[0] for line in lines if line.startswith(".")} == REQUESTS
    assert not [line for line in lines if line.startswith("'")]


@pytest.mark.skipif(
    shutil.which("man") is None or shutil.which("groff") is None,
    reason="man and groff are not installed",
)
def test_man_prints_it_without_a_warning_and_with_every_command_and_option() -> None:
    done = subprocess.run(
        ["man", "--warnings", "--local-file", str(FILE)],
        env=clean_environment(
            MANWIDTH="300", MAN_KEEP_FORMATTING="", LC_ALL="C.UTF-8", PAGER="cat"
        ),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    page = re.sub(".\b|\x1b\\[[0-9;]*m", "", done.stdout)
    for name, parser in PARSERS.items():
        assert re.search(rf"^ +dyntop {name}$", page, re.MULTILINE) or not name
        for spellings in options_of(parser):
            wanted = [one for one in spellings if one not in ("-h", "--help")]
            assert all(re.search(rf"(?<![\w-]){one}\b", page) for one in wanted), spellings
    assert "--columns id,host,state --no-headers" in page
    assert "jq -r '.[].model_name'" in page
    assert "~/.bashrc" in page
