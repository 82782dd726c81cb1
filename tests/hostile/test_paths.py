"""No name from a store leads anywhere in the file system but to its own file in its own folder.

How the file store itself keeps within its root, whatever the key, and follows no symlink, is in
`tests/file/test_names.py`, `test_keys_in_the_folder.py` and `test_odd_files.py`.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.conftest import Here
from tests.hostile.corpus import everything
from tests.hostile.places import fill_folder

OUTSIDE = b"outside"


@pytest.fixture
def around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a file store in it, and beside that what keys and links point to."""
    fill_folder(tmp_path / "kv", ((key, b"{}") for key, _ in everything().values()))
    for place in ("evil", "passwd", "kv/evil", "kv/v1/evil", "linked/x"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_bytes(OUTSIDE)
    bucket = tmp_path / "kv" / "v1" / "instances"
    (bucket / "link").symlink_to(tmp_path / "evil")
    (bucket / "upwards").symlink_to("../../../passwd")
    (tmp_path / "kv" / "v1" / "linked").symlink_to(tmp_path / "linked")
    # Relative names in keys would be looked up from here.
    monkeypatch.chdir(bucket)
    return tmp_path


def tree(top: Path) -> dict[bytes, bytes]:
    """What is in each file, by its path; of a symlink where it points to."""
    found = {}
    for folder, _, names in os.walk(os.fsencode(top)):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.islink(path):
                found[path] = os.readlink(path)
            else:
                with open(path, "rb") as file:
                    found[path] = file.read()
    return found


LEADING_OUT = [
    *("v1/instances/../../../evil", "v1/instances/../../evil", "v1/../evil", "v1/instances/./link"),
    *("v1/instances/link", "v1/instances/upwards", "v1/linked/x", "v1/instances/./../../evil"),
    *("v1//evil", "v1/./instances/link", "v1/instances//evil", "v1/instances/./.."),
    *("v1/instances/./../../../passwd", "v1/evil", "instances/../evil", "mdc/./../../evil"),
]


def test_a_key_that_leads_out_is_not_found(around: Path, here: Here) -> None:
    before = tree(around)
    for key in LEADING_OUT:
        ended = here("unregister", "--yes", "--file-store", str(around / "kv"), "--", key)
        assert (ended.code, ended.out) == (1, b""), key
        assert "not found in file" in ended.one_sentence()
    assert tree(around) == before


def test_looking_and_removing_touch_nothing_but_the_files_that_are_removed(
    around: Path, here: Here, state: dict[str, str]
) -> None:
    store = ("--file-store", str(around / "kv"))
    before = tree(around)
    for command in (
        ("list", "all", "-o", "json"),
        ("list", "all"),
        ("check",),
        ("list", "workers"),
    ):
        assert here(*command, *store).code in (0, 1)
    assert tree(around) == before
    listed = here("list", "all", "-o", "name", *store).lines
    leading = [key for key in listed if ".." in key or key.startswith("v1//")]
    assert leading
    assert not {"v1/instances/link", "v1/linked/x"} & set(listed)
    assert here("unregister", "--yes", *store, "--", *leading).code == 0
    after = {
        path: content
        for path, content in tree(around).items()
        if not path.startswith(os.fsencode(state["XDG_STATE_HOME"]))
    }
    assert after.items() <= before.items()
    assert len(before) - len(after) == len(leading)
    written = os.listdir(Path(state["XDG_STATE_HOME"], "dyntop"))
    assert {name.partition(".")[0] for name in written} == {"audit"}
