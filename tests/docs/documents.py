"""Read the documents: their links, headings, tables and command blocks."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
REFERENCE = ROOT / "docs" / "reference"
DOCUMENTS = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
"""All but the changelog, which has no links and no blocks."""

_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """Hold one fenced block."""

    language: str
    text: str
    line: int
    """The number of its first line in the document."""


def name_of(document: Path) -> str:
    """Return a document's path from the root."""
    return document.relative_to(ROOT).as_posix()


def blocks(document: Path) -> list[Block]:
    """Return the fenced blocks in their order, without their indentation."""
    text = document.read_text()
    return [
        Block(found[2], textwrap.dedent(found[3]), text.count("\n", 0, found.start()) + 2)
        for found in _BLOCK.finditer(text)
    ]


def prose(document: Path) -> str:
    """Return the text without fenced blocks."""
    return _BLOCK.sub("", document.read_text())


def links(document: Path) -> list[str]:
    """Return the targets of all links and pictures."""
    return _LINK.findall(_CODE.sub("", prose(document)))


def anchors(document: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    seen: Counter[str] = Counter()
    found = set()
    for heading in _HEADING.findall(prose(document)):
        anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found.add(f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor)
        seen[anchor] += 1
    return found


def section(document: Path, heading: str) -> str:
    """Return what is below a heading, up to the next heading of any level."""
    _, found, rest = document.read_text().partition(f"# {heading}\n")
    assert found, f"{name_of(document)} has no heading {heading}"
    return re.split(r"^#{1,6} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def in_toml(document: Path) -> list[str]:
    """Return the text of each block of TOML."""
    return [one.text for one in blocks(document) if one.language == "toml"]


def table(document: Path, heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, without its title row."""
    return list(_rows(section(document, heading)))[2:]


def _rows(text: str) -> Iterator[list[str]]:
    lines = text.splitlines()
    start = next((n for n, line in enumerate(lines) if line.startswith("|")), len(lines))
    for line in lines[start:]:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def in_code(text: str) -> list[str]:
    """Return the pieces of text between backquotes, without those of fenced blocks."""
    return re.findall(r"`([^`]+)`", _BLOCK.sub("", text))
