"""Every command block of the documents is run, in the order in which it stands there.

A document's commands run against an etcd in which one worker serves `acme/tiny-llm` and another
left a card behind. Names that documents make up (`etcd-0:2379`, `/data/dynamo_kv`) are replaced by
those of the test. A command exits with 0, or with N if its comment says `exit N`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.documents import DOCUMENTS, ROOT, Block, blocks, in_toml, name_of
from tests.docs.world import World
from tui.config.settings_file import TABLES, parse_settings

NOT_RUN = {
    "kubectl": "needs a cluster; tests/kubernetes/test_manifest.py applies the manifest",
    "dyntop --backend kubernetes": "tests/kubernetes/test_manifest.py runs it on an API server",
    "dyntop --kube": "tests/kubernetes/test_manifest.py runs it on an API server",
    "git clone": "needs the repository's address",
    "pipx install": "installs for the user; pipx runs the pip install of test_install.py",
    "pip wheel": "fetches dependencies; test_install.py takes those that are installed here",
    "pip install": "test_install.py runs it",
    ".venv/bin/python -m pytest": "runs tests, as this one is",
}
"""Commands that are not run here, and why."""

LANGUAGES = {"sh", "python", "toml", ""}
"""Of blocks; one without a language is a picture."""
WITH_PICTURES = {"docs/architecture.md"}

_COMMENT = re.compile(r"\s+#\s.*$")
_EXIT = re.compile(r"\bexit (\d+)")


def shell_blocks(document: Path) -> list[Block]:
    return [block for block in blocks(document) if block.language == "sh"]


def commands_of(document: Path) -> Iterator[tuple[str, int]]:
    """Give each command of a document with the exit code that its comment promises."""
    for block in shell_blocks(document):
        for line in block.text.splitlines():
            command = _COMMENT.sub("", line).strip()
            if command and not command.startswith("#"):
                promised = _EXIT.search(line.removeprefix(command))
                yield command, int(promised[1]) if promised else 0


WITH_COMMANDS = [document for document in DOCUMENTS if shell_blocks(document)]


@pytest.mark.parametrize("document", WITH_COMMANDS, ids=name_of)
def test_every_command_of_a_document_does_what_it_says(document: Path, world: World) -> None:
    for command, code in commands_of(document):
        if not command.startswith(tuple(NOT_RUN)):
            world.run(command, code)
    assert not (ROOT / "dyntop.log").exists()


def test_no_command_is_left_out_that_no_document_has() -> None:
    commands = [command for document in DOCUMENTS for command, _ in commands_of(document)]
    for left_out in NOT_RUN:
        assert any(command.startswith(left_out) for command in commands), left_out


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_block_is_of_a_language_that_is_tried(document: Path) -> None:
    languages = {block.language for block in blocks(document)}
    assert languages <= LANGUAGES - (set() if name_of(document) in WITH_PICTURES else {""})


def test_the_toml_blocks_of_the_documents_are_settings_files() -> None:
    whole, contexts, keys = [one for document in DOCUMENTS for one in in_toml(document)]
    for text in (whole, contexts, keys):
        assert parse_settings(text.encode(), Path("settings.toml")).wrong == ()
    assert tomllib.loads(whole).keys() == {*TABLES}
    assert tomllib.loads(contexts)["contexts"].keys() == {"prod", "lab", "cluster"}
    assert tomllib.loads(keys).keys() == {"keys"}
