"""A file store whose file system takes no new file: said before anything is removed from it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import BODY, INSTANCE
from tests.support.running import COMMAND, environment, put_file

FILL = 'cat /dev/zero > "$0/v1/full" 2>&-'
LOCK = 'mount -o remount,ro "$0"'


def in_own_mounts(
    folder: Path, then: str, *command: str, **env: str
) -> subprocess.CompletedProcess[bytes]:
    """Run a command for which `folder` is a small file system with what it held before."""
    script = (
        'cp -a "$0" "$0.before" && mount -t tmpfs -o size=256k tmpfs "$0" && '
        # Not `cp -a`: on a busy machine a file that was touched before may have expired.
        f'cp -r "$0.before/." "$0" && {{ {then}; rm -rf "$0.before"; exec "$@"; }}'
    )
    try:
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", script, str(folder), *command],
            env=environment(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("there is no unshare here")
    if done.stderr.startswith((b"mount:", b"unshare:")):
        pytest.skip(f"no file system may be mounted here: {done.stderr.decode().strip()}")
    return done


@pytest.mark.parametrize(
    ("then", "why"), [(FILL, "is full"), (LOCK, "is mounted read-only"), ("true", "")]
)
def test_a_file_system_that_takes_no_file_is_said_before(
    tmp_path: Path, state: dict[str, str], then: str, why: str
) -> None:
    root = tmp_path / "kv"
    put_file(root, INSTANCE, BODY)
    key = INSTANCE.decode()
    for command, warning in (
        (("unregister", key, "--dry-run"), "this cannot be undone now: "),
        (("check",), "keys removed now cannot be put back: "),
    ):
        line = [*COMMAND, *command, "--file-store", str(root)]
        done = in_own_mounts(root, then, *line, **state)
        said = done.stderr.decode()
        assert done.returncode == 0, said
        if why:
            assert f"{warning}the file system of {root} {why}" in said
        else:
            assert warning not in said
