"""A file store with no Dynamo process left: what stays behind is told, removed, and kept."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from backends.removal.audit.location import default_path
from backends.store import Removal
from tests.support.dashboard import Dashboard
from tests.support.dynamo import DynamoWorker, registered_keys, registered_values
from tests.support.running import dyntop
from tui.cli.shared.audit_file import audit_at

ADAPTER = "acme/SQL_v2"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that is not there yet: the first worker creates it."""
    # Not pytest's: of a long path there is so much to show that the header leaves out counts.
    with TemporaryDirectory() as above:
        yield Path(above) / "kv"


def stale(env: dict[str, str]) -> set[str]:
    """The keys that the command would propose."""
    lines = dyntop("unregister", "--stale", "--dry-run", env=env).lines
    return {line.removeprefix("would remove ") for line in lines}


def test_what_killed_workers_left_behind_expires_and_is_cleaned_up(
    folder: Path, tmp_path: Path
) -> None:
    with (
        DynamoWorker(folder, component="lora", loras=[ADAPTER]) as first,
        DynamoWorker(folder) as second,
        Dashboard(folder, state=tmp_path) as dashboard,
    ):
        dashboard.wait_for_rows("● live", count=4)
        keys = registered_keys(folder)
        assert stale(dashboard.env) == set()
        dashboard.press("c")
        dashboard.wait_for("Nothing stale found")

        start = time.monotonic()
        first.kill()
        second.kill()
        dashboard.open("Events")
        dashboard.wait_for(lambda _: dashboard.rows_with("○ expired"))
        dashboard.wait_for(f"{len(keys)} findings")
        print(f"from kill -9 to all {len(keys)} expired: {time.monotonic() - start:.1f} s")
        dashboard.wait_for("findings")
        left = registered_values(folder)
        assert {*left} == keys
        assert stale(dashboard.env) == keys

        dashboard.press("c")
        screen = dashboard.wait_for(f"Clean up {len(keys)} stale keys?")
        assert str(folder) in screen
        ticked = [line for line in screen.splitlines() if "[x]" in line]
        assert len(ticked) == len(keys)
        assert all("○ expired" in line for line in ticked)
        assert registered_values(folder) == left
        dashboard.say_yes("stale keys?")
        dashboard.wait_for("0 instances  0 workers  0 models  0 channels")
        assert registered_keys(folder) == set()

        (act,) = dyntop("history", "-o", "json", env=dashboard.env).records
        assert act["act"] == "clean up"
        assert {item["key"] for item in act["keys"]} == keys
        assert {item["outcome"] for item in act["keys"]} == {Removal.REMOVED}
        assert {item["verdict"] for item in act["keys"]} == {"expired"}
        (written,) = audit_at(default_path(dashboard.env)).acts()
        kept = {item.entry.key.decode(): item.entry.value for item in written.items}
        assert kept == left
