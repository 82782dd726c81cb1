"""Make the README of the wheel, and the URLs of the project. All else is in pyproject.toml.

An index shows the README without the files beside it. Where the project's address is given
(`make wheel ADDRESS=…`), links and pictures lead there, to the release's tag. Without one a link
becomes the path in the source tree, and a picture its text.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent
LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:)([^)\s]+)\)")
"""A relative link or picture: its mark, text and target."""


def project_address() -> str | None:
    """Return the address of the repository. None: the project has none."""
    address = os.environ.get("PROJECT_ADDRESS", "").rstrip("/")
    if address and not re.fullmatch(r"https://[\w.-]+/[\w./~-]+", address):
        raise SystemExit(f"PROJECT_ADDRESS is no https:// address of a repository: {address}")
    return address or None


def release_tag() -> str:
    found = re.search(r'^__version__ = "(.+)"$', (ROOT / "tui/__init__.py").read_text(), re.M)
    assert found is not None, "tui/__init__.py has the version"
    return f"v{found[1]}"


def in_source_tree(link: re.Match[str]) -> str:
    """Return what stands for a link where there is no address."""
    mark, text, target = link.groups()
    path = Path(target.partition("#")[0])
    if mark:
        picture = (ROOT / path).with_suffix(".txt").read_text(encoding="utf-8")
        return f"```text\n{picture}```"
    return f"{text} (`{path}`)"


def at_address(address: str, tag: str) -> Callable[[re.Match[str]], str]:
    def absolute(link: re.Match[str]) -> str:
        mark, text, target = link.groups()
        return f"{mark}[{text}]({address}/{'raw' if mark else 'blob'}/{tag}/{target})"

    return absolute


def readme(address: str | None, tag: str) -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    if address is None:
        return LINK.sub(in_source_tree, text)
    return LINK.sub(at_address(address, tag), text.replace("<this repository>", address))


def urls(address: str | None, tag: str) -> dict[str, str]:
    if address is None:
        return {}
    return {
        "Repository": address,
        "Documentation": f"{address}/blob/{tag}/README.md#more",
        "Changelog": f"{address}/blob/{tag}/CHANGELOG.md",
        "Issues": f"{address}/issues",
    }


if __name__ == "__main__":
    address, tag = project_address(), release_tag()
    setup(
        long_description=readme(address, tag),
        long_description_content_type="text/markdown",
        project_urls=urls(address, tag),
    )
