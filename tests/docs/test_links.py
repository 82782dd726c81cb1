"""Links in the documents lead to files and headings that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.documents import DOCUMENTS, README, ROOT, anchors, blocks, links, name_of, prose

ELSEWHERE = ("https://", "http://")
MOST_LINES = 180
"""Of the README: more belongs into docs/."""


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_leads_to_a_file_and_a_heading_that_exist(document: Path) -> None:
    for target in links(document):
        if target.startswith(ELSEWHERE):
            continue
        path, _, anchor = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.is_relative_to(ROOT), target
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file), target


def test_every_document_can_be_reached_from_the_readme() -> None:
    reached = {README}
    waiting = [README]
    while waiting:
        document = waiting.pop()
        for target in links(document):
            file = (document.parent / target.partition("#")[0]).resolve()
            if file.suffix == ".md" and file not in reached and file.exists():
                reached.add(file)
                waiting.append(file)
    assert set(DOCUMENTS) <= reached


def test_the_readme_is_short_enough_to_be_read() -> None:
    assert len(README.read_text().splitlines()) <= MOST_LINES


def test_the_readme_names_the_test_command() -> None:
    assert any("make test " in block.text for block in blocks(README))


def test_every_test_named_in_the_promises_exists() -> None:
    document = ROOT / "docs" / "promises.md"
    rows = [line for line in prose(document).splitlines() if line.startswith("| ")][1:]
    named = [path for row in rows for path in re.findall(r"`([a-z_]+/[\w/]*(?:\.py)?)`", row)]
    assert len(named) > len(rows)
    for path in named:
        assert (ROOT / "tests" / path).exists(), path


def test_every_picture_is_shown_in_a_document() -> None:
    pictures = {path.name for path in (ROOT / "screenshots").glob("*.svg")}
    shown = {Path(target).name for document in DOCUMENTS for target in links(document)}
    assert pictures <= shown
