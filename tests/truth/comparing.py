"""Whether what dyntop says equals what requests get."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tests.truth.moments import Ids, Moment
from tests.truth.requests import Answers

FINE = frozenset({"live"})
"""Verdicts of a record with which nothing is wrong."""


@dataclass(frozen=True, slots=True)
class Got:
    """What requests got: by model, at each frontend."""

    answers: Mapping[str, Sequence[Answers]]
    registered: Mapping[str, Ids]
    """By model the workers that have a card of it in the store, as the store itself tells."""
    keys: Ids
    """All that is in the store, after dyntop looked."""

    @property
    def is_well(self) -> bool:
        """Whether each request was answered, and each frontend reached each worker."""
        return all(
            one.all_served and one.takers == self.registered[model]
            for model, at in self.answers.items()
            for one in at
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """What `check --model` said."""

    served: bool
    """That it is served."""
    least: int
    """Routable workers at each frontend, whichever card it has taken."""
    most: int
    """Routable workers at a frontend that has taken the card of most."""
    total: int
    """Workers that have a card."""
    code: int
    """Its exit code."""


@dataclass(frozen=True, slots=True)
class Said:
    """What dyntop said, of all that it looked at."""

    routable: Mapping[str, Ids]
    """By model the workers that requests can reach, whichever card a frontend has taken."""
    contested: Mapping[str, Ids] = field(default_factory=dict)
    """By model the workers that requests reach from some frontends, since cards disagree."""
    standings: Mapping[str, Standing] = field(default_factory=dict)
    """By model what `check --model` said."""
    check: int = 0
    """The exit code of `check --probe`."""
    findings: Ids = frozenset()
    """The keys that it printed."""
    verdicts: Mapping[str, str] = field(default_factory=dict)
    """The verdict of each key."""
    proposed: Ids = frozenset()
    """The keys that `unregister --stale` would remove."""


def takers_of(answers: Sequence[Answers]) -> Ids:
    """The workers that took requests, at any frontend."""
    return frozenset().union(*(one.takers for one in answers))


def differences(moment: Moment, got: Got, said: Said) -> Iterator[str]:
    """Where dyntop says other than what requests got. None: all is equal."""
    for model, answers in got.answers.items():
        yield from _differences_of(model, answers, said)
    if said.check == 0 and any(
        got.registered[model] and not one.all_served
        for model, answers in got.answers.items()
        for one in answers
    ):
        yield "requests fail, and check finds nothing"
    is_faulty = moment.other_faults or moment.dead_keys or moment.silent_keys
    if said.check != 0 and got.is_well and not is_faulty:
        yield f"each request is answered by each worker, and check exits {said.check}"
    fine = FINE | moment.tolerated
    odd = {key: verdict for key, verdict in said.verdicts.items() if verdict not in fine}
    if said.check == 0 and (standing := odd.keys() & got.keys):
        yield f"check finds nothing, and this is {odd[min(standing)]}: {_some(standing)}"
    # What the store has dropped meanwhile may have gone before dyntop looked.
    dead, silent = moment.dead_keys & got.keys, moment.silent_keys & got.keys
    if unfound := (dead | silent) - said.findings:
        yield f"dead or stopped, and not found by check: {_some(unfound)}"
    if missed := dead - said.proposed:
        yield f"dead, and not proposed for removal: {_some(missed)}"
    if living := said.proposed - moment.dead_keys - moment.removable_keys:
        yield f"proposed for removal, and not dead: {_some(living)}"


def _differences_of(model: str, answers: Sequence[Answers], said: Said) -> Iterator[str]:
    takers = takers_of(answers)
    routable = said.routable.get(model, frozenset())
    contested = said.contested.get(model, frozenset())
    if unsaid := takers - routable - contested:
        yield f"{model}: {_some(unsaid)} take requests, and are not routable"
    if idle := routable - takers:
        yield f"{model}: {_some(idle)} are routable, and take no requests"
    if contested and not takers & contested:
        yield f"{model}: {_some(contested)} are in conflict, and none takes requests"
    if contested and any(contested <= one.takers for one in answers):
        yield f"{model}: cards are in conflict, and one frontend reaches all the workers"
    if (standing := said.standings.get(model)) is not None:
        yield from _differences_from(standing, model, answers)


def _differences_from(standing: Standing, model: str, answers: Sequence[Answers]) -> Iterator[str]:
    served = any(one.served for one in answers)
    if standing.served != served:
        yield f"{model}: {'' if served else 'not '}served, and check --model says otherwise"
    for one in answers:
        if not standing.least <= len(one.takers) <= standing.most:
            said = f"{standing.least} to {standing.most}"
            yield f"{model}: {len(one.takers)} take requests, and check --model says {said}"
    # Where cards are in conflict it exits with 1, served or not: older releases drop the model.
    if standing.code == 0 and not served:
        yield f"{model}: not served, and check --model exits 0"
    if standing.code != 0 and served and standing.least == standing.most == standing.total:
        yield f"{model}: served by all, and check --model exits {standing.code}"


def _some(names: Collection[str]) -> str:
    first, *rest = sorted(names)
    return first if not rest else f"{first} and {len(rest)} more"
