"""What the commands state, run in this process over a world that a test made."""

from __future__ import annotations

import asyncio
import functools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from backends.aio.timer import LoopTimer
from backends.dynamo import keys
from tests.agreement.in_details import read_worker_fields
from tests.agreement.statements import Statements
from tests.agreement.wordings import timeless
from tests.agreement.worlds import Made
from tests.cli.conftest import Here
from tui.cli import main
from tui.text.errors import Exit

_command = main._command

WAITING = ("check", "unregister")
"""Commands that look once more after a while."""


MAY_BE = ("discoverable", "unknown")
"""What is said of the readiness of what may be live."""


class HurriedTimer(LoopTimer):
    """What only waits has waited at once."""

    def __init__(self) -> None:
        self._skipped = 0.0

    def now(self) -> float:
        return super().now() + self._skipped

    async def sleep(self, seconds: float) -> None:
        self._skipped += seconds
        await asyncio.sleep(0)

    def timeout_at(self, when: float | None) -> asyncio.Timeout:
        return super().timeout_at(None if when is None else when - self._skipped)


@contextmanager
def commands_of(made: Made, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every command looks at this world, at its moment and through its probes."""

    def at_its_time(name: str | None, logs: Any, _: Any = None) -> Callable[..., int | Exit]:
        run: Any = _command(name, logs)
        timer = {"timer": HurriedTimer()} if name in WAITING else {}
        return functools.partial(run, clock=lambda: made.world.now, **timer)

    with monkeypatch.context() as patch:
        patch.setattr("backends.connections.open_store", lambda _: made.world.open())
        patch.setattr("backends.probe.prober.Prober", lambda **_: made.answers)
        patch.setattr("tui.cli.main._command", at_its_time)
        yield


def read_commands(here: Here, said: Statements, *common: str) -> None:
    """All that they print of the whole world."""
    listed = here("list", "--probe", "-o", "json", *common).records
    _read_list(said, listed)
    checked = here("check", "--probe", "-o", "json", *common)
    said.add(("findings",), len(checked.records), "check")
    found = re.search(r"([\d,]+) of [\d,]+ records? (?:is|are) not live", checked.err)
    said.add(("findings",), int(found[1]) if found else 0, "check, in words")
    for one in checked.records:
        _read_record(said, one, "check")
    workers = here("list", "workers", "--probe", "-o", "json", *common).records
    are_workers = [one for one in workers if one["role"] == "worker" and not one["left_behind"]]
    said.add(("workers",), len(are_workers), "list workers")
    for one in workers:
        said.add(("left behind", int(one["worker"], 16)), one["left_behind"], "list workers")
        said.add(("worst verdict of", int(one["worker"], 16)), one["verdict"], "list workers")
        for key in one["keys"]:
            said.add(("worker", keys.unspell(key)), one["worker"], "list workers")
    _read_stale(said, here("unregister", "--stale", "--dry-run", *common))
    for name in sorted({one["model_name"] for one in listed if _is_base(one)}):
        _read_model(here, said, name, *common)
    for one in workers[:MOST_SHOWN]:
        _show_worker(here, said, one["worker"], *common)
    cards = [one for one in listed if one["kind"] == "model"]
    for one in [*_some(cards), *_some(listed)]:
        shown = here("show", one["key"], "--probe", "-o", "json", *common).records
        _read_record(said, shown, "show KEY")
    for one in [card for card in cards if _is_base(card)][:MOST_SHOWN]:
        text = here("show", one["key"], "--probe", *common).out.decode()
        if figures := re.search(r"its model: routable ([^:]*):", text):
            stated = figures[1].replace(" to ", "–").replace(" of ", "/")
            said.add(("routable", one["model_name"]), stated, "show KEY, of its model")


MOST_SHOWN = 12
"""Of each kind, by `dyntop show`."""


def _some(listed: list[Any]) -> list[Any]:
    """Records from first to last, not many more than `MOST_SHOWN`."""
    return listed[:: max(1, len(listed) // MOST_SHOWN)]


def _is_base(one: Any) -> bool:
    is_card = one["kind"] == "model" and one["model_name"] and not one["model_suffix"]
    return bool(is_card)


def _read_list(said: Statements, listed: list[Any]) -> None:
    internal = ("worker_kv_query_", "router-discovery", "kv_indexer_query")
    instances = [one for one in listed if one["kind"] == "endpoint"]
    counted = [one for one in instances if not (one["endpoint"] or "").startswith(internal)]
    said.add(("instances",), len(counted), "list")
    channels = sum(one["kind"] == "event_channel" for one in listed)
    said.add(("channels",), channels, "list")
    found = sum(one["verdict"] not in ("live", "unknown") for one in listed)
    said.add(("findings",), found, "list")
    for one in listed:
        _read_record(said, one, "list")


def _read_record(said: Statements, one: Any, where: str) -> None:
    key = keys.unspell(one["key"])
    said.add(("verdict", key), one["verdict"], where)
    said.add(("worker", key), one["worker"] or "unknown", where)
    said.add(("evidence", key), timeless(one["evidence"][0]), where)
    if one["kind"] == "model":
        said.add(("is routed", key), one["routable"] is True, where)
    if of := one.get("kubernetes"):
        said.add(("object of", key), f"{of['namespace']}/{of['object']}", where)
        said.add(("readiness of", key), of["readiness"], where)
        if one["verdict"] == "live":
            said.add(("may be discovered", key), True, f"{where}, its verdict")
            said.add(("may be discovered", key), of["readiness"] in MAY_BE, f"{where}, readiness")
        said.add(("pod of", key), of["pod"], where)
        said.add(("node of", key), of["node"], where)
        said.add(("starts of the container of", key), of["restarts"], where)
    if one["lease"] and one["ttl_remaining"] is not None:
        said.add(("left of", int(one["lease"], 16)), float(one["ttl_remaining"]), where)


def _read_stale(said: Statements, ended: Any) -> None:
    lines = [line for line in ended.lines if line.startswith("would remove ")]
    said.add(("stale",), len(lines), "unregister --stale")
    for line in lines:
        said.add(("stale", keys.unspell(line.split()[-1])), True, "unregister --stale")


def _read_model(here: Here, said: Statements, name: str, *common: str) -> None:
    checked = here("check", "--probe", "--model", name, *common)
    figures = re.search(r"routable ([\d,]+(?: to [\d,]+)? of [\d,]+)", checked.err)
    assert figures, checked.err
    stated = figures[1].replace(" to ", "–").replace(" of ", "/")
    said.add(("routable", name), stated, "check --model")
    said.add(("is served", name), " is served" in checked.err, "check --model")
    said.add(("is served", name), not stated.startswith("0"), "check --model, its figures")
    whole = here("show", name, "--probe", "-o", "json", *common).records
    least, most, total = whole["routable"], whole["routable_most"], whole["workers"]
    stated = f"{least}/{total}" if least == most else f"{least}–{most}/{total}"
    said.add(("routable", name), stated, "show MODEL -o json")
    # In a conflict of cards a request is answered, and scripts are told not to count on it.
    said.add(("may be counted on", name), checked.code == 0, "check --model, its exit code")
    said.add(("may be counted on", name), whole["served"], "show MODEL -o json")
    shown = here("show", name, "--probe", *common).out.decode()
    figures = re.search(r"routable ([\d,]+(?: to [\d,]+)? of [\d,]+)", shown)
    if figures is not None:
        stated = figures[1].replace(" to ", "–").replace(" of ", "/")
    said.add(("routable", name), stated if figures else "not stated", "show MODEL")


def _show_worker(here: Here, said: Statements, worker: str, *common: str) -> None:
    lines = here("show", worker, "--probe", *common).lines
    fields: list[tuple[str, str]] = []
    for line in lines[1:]:
        label, _, text = line.partition("  ")
        fields.append((label.strip() or " ", text.strip()))
    read_worker_fields(said, int(worker, 16), lines[0], tuple(fields), "show")
