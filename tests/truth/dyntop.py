"""What dyntop says of a cluster, as a script asks it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from tests.support.running import Ended, dyntop
from tests.truth.comparing import Said, Standing

CONFLICT = "conflict"
ROUTABLE = re.compile(r"routable (\d+)(?: to (\d+))? of (\d+)")
DONE = 0
"""Exit codes of dyntop."""
FINDINGS = 1


class Failed(Exception):
    """dyntop did not do what it was asked for."""


def say(models: Iterable[str], namespace: str | None, env: Mapping[str, str]) -> Said:
    """Ask dyntop everything that is compared."""
    place = [] if namespace is None else ["-n", namespace]

    def run(*words: str, codes: tuple[int, ...] = (DONE,)) -> Ended:
        ended = dyntop(*words, *place, env=env)
        if ended.code not in codes:
            raise Failed(f"dyntop {' '.join(words)}: exit {ended.code}: {ended.err}")
        return ended

    records = run("list", "all", "--probe", "-o", "json").records
    check = run("check", "--probe", "-o", "json", codes=(DONE, FINDINGS))
    standings = {
        model: _standing(run("check", "--model", model, "--probe", codes=(DONE, FINDINGS)))
        for model in models
    }
    stale = run("unregister", "--stale", "--dry-run", codes=(DONE, FINDINGS))
    cards = [record for record in records if record["kind"] == "model"]
    return Said(
        routable=_by_model(card for card in cards if card["routable"]),
        contested=_by_model(card for card in cards if card["not_routable"] == CONFLICT),
        standings=standings,
        check=check.code,
        findings=frozenset(record["key"] for record in check.records),
        verdicts={record["key"]: str(record["verdict"]) for record in records},
        proposed=frozenset(line.split()[-1] for line in stale.lines),
    )


def standing_of(model: str, env: Mapping[str, str]) -> Standing:
    """Ask how a model is served."""
    ended = dyntop("check", "--model", model, "--probe", env=env)
    if ended.code not in (DONE, FINDINGS):
        raise Failed(f"dyntop check --model: exit {ended.code}: {ended.err}")
    return _standing(ended)


def drain(instance_id: str, env: Mapping[str, str]) -> str:
    """Take a worker out of routing, and return the id of the act."""
    return _done(dyntop("drain", instance_id, "--yes", env=env)).act


def restore(act: str, env: Mapping[str, str]) -> None:
    """Undo an act."""
    _done(dyntop("restore", act, env=env))


def _done(ended: Ended) -> Ended:
    if ended.code != DONE:
        raise Failed(f"exit {ended.code}: {ended.err}")
    return ended


def _standing(check: Ended) -> Standing:
    """What `check --model` said, on standard error."""
    if "no model or adapter" in check.err:
        return Standing(False, 0, 0, 0, check.code)
    figures = ROUTABLE.search(check.err)
    if figures is None:
        raise Failed(
            f"check --model said neither how many are routable nor that none is: {check.err}"
        )
    least, most, total = (None if one is None else int(one) for one in figures.groups())
    assert least is not None
    assert total is not None
    served = " is served" in check.err
    return Standing(served, least, least if most is None else most, total, check.code)


def _by_model(cards: Iterable[Any]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for card in cards:
        found[card["model_name"]].add(card["instance_id"])
    return {model: frozenset(workers) for model, workers in found.items()}
