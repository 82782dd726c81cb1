"""One moment of a cluster, looked at from both sides: by requests, and by dyntop."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Self

from tests.support.dynamo import Store, discovery_environment, registered_values
from tests.support.waiting import wait_for
from tests.truth.cluster import Cluster
from tests.truth.comparing import Got, Said, differences, takers_of
from tests.truth.dyntop import say, standing_of
from tests.truth.moments import Ids, Moment
from tests.truth.requests import Answers, ask
from tests.truth.screen import Screen

SETTLED = 90.0
"""Seconds within which a moment has come: requests get what they are to get."""
ATTEMPTS = 5
"""At finding requests the same before dyntop looked and after."""
ATTEMPTS_AT_SCREEN = 3
"""At finding the dashboard as a command says."""


@dataclass(frozen=True, slots=True)
class Row:
    """A moment, as both saw it."""

    moment: Moment
    got: Got
    said: Said
    differences: tuple[str, ...]


class Looker:
    """Looks at one cluster, moment after moment, with a dashboard beside it all the while."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._screen: Screen | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def look(self, moment: Moment) -> Row:
        """Wait until a moment has come and hold dyntop against requests: its commands, and its
        dashboard, which has been there since the first moment."""
        row = look(moment, self.cluster.store, self.cluster.env)
        if moment.namespace is not None or moment.dyntop_env:
            # It would have to look at another place than the dashboard does.
            return row
        if self._screen is None:
            screen = Screen(self.cluster.store, self.cluster.env)
            self._screen = self._stack.enter_context(screen)
        shown = [self._screen_differs(self._screen, model) for model in moment.takers]
        return replace(row, differences=(*row.differences, *filter(None, shown)))

    def _screen_differs(self, screen: Screen, model: str) -> str:
        """How the dashboard differs from the command, asked anew since what is dead may have left
        the store meanwhile. Empty: it does not, or neither knows the model."""
        told = {**discovery_environment(self.cluster.store), **self.cluster.env}
        for _ in range(ATTEMPTS_AT_SCREEN):
            standing = standing_of(model, told)
            if not standing.total or screen.shows(model, standing):
                return ""
        said = f"{standing.least} to {standing.most} of {standing.total}"
        return (
            f"{model}: the dashboard shows {screen.figures(model)}, and check --model says {said}"
        )


def look(moment: Moment, store: Store, env: Mapping[str, str]) -> Row:
    """Wait until a moment has come and hold dyntop's commands against requests.

    They are asked between two rounds of requests that got the same. Where a store drops what is
    dead in between, that is done again.
    """
    for _ in range(ATTEMPTS):
        before = settle(moment, store)
        told = {**discovery_environment(store), **env, **moment.dyntop_env}
        with moment.dyntop_from():
            said = say(moment.takers, moment.namespace, told)
        after = get(moment, store)
        if _standing(before) == _standing(after):
            return Row(moment, after, said, tuple(differences(moment, after, said)))
    raise AssertionError(f"{moment.name}: requests get {after}, and {before} a moment ago")


def settle(moment: Moment, store: Store) -> Got:
    """Wait until requests get what they are to get."""
    got = get(moment, store)

    def come() -> bool:
        nonlocal got
        got = get(moment, store)
        return _has_come(moment, got)

    if not _has_come(moment, got):
        try:
            wait_for(come, moment.name, SETTLED)
        except AssertionError as error:
            raise AssertionError(f"{error}: {got}") from None
    return got


def get(moment: Moment, store: Store) -> Got:
    """Make the requests of a moment."""
    answers: dict[str, list[Answers]] = {}
    for model, either in moment.takers.items():
        until = either[0] if len(either) == 1 else frozenset[str]()
        answers[model] = [ask(one.url, model, until, count=6) for one in moment.frontends]
    records = registered_values(store)
    return Got(answers, _cards(moment, records), frozenset(records))


def _has_come(moment: Moment, got: Got) -> bool:
    return all(
        one.takers in moment.takers[model] for model, at in got.answers.items() for one in at
    )


def _standing(got: Got) -> tuple[object, ...]:
    """Return what does not change by itself: a frontend tries a dead worker now and then."""
    taken = {model: takers_of(at) for model, at in got.answers.items()}
    return taken, dict(got.registered)


def _cards(moment: Moment, records: Mapping[str, bytes]) -> dict[str, Ids]:
    found: dict[str, set[str]] = {model: set() for model in moment.takers}
    for key, value in records.items():
        bucket, _, rest = key.removeprefix("v1/").partition("/")
        if bucket != "mdc":
            continue
        namespace, _, _, instance_id, *_ = rest.split("/")
        name = json.loads(value)["card_json"]["display_name"]
        if name in found and moment.namespace in (None, namespace):
            found[name].add(instance_id)
    return {model: frozenset(workers) for model, workers in found.items()}
