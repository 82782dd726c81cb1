"""Which world a seed is of."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.agreement.object_worlds import OF_OBJECTS
from tests.agreement.worlds import KINDS, Made
from tests.support.operating import World

WITH_ALL = {"leases": 0, "files": 1, "objects": 2}
"""The seeds of the worlds that have everything, by what keeps it registered."""


def made_of(*kinds: Callable[[Made], None], leases: bool = True, objects: bool = False) -> Made:
    """A world with these alone. `leases`: as in etcd; otherwise as in a folder of files, or with
    `objects` as in Kubernetes."""
    made = Made(World(leases=leases, objects=objects))
    for kind in kinds:
        kind(made)
        made.kinds.append(kind.__name__)
    return made


def made_from(seed: int) -> Made:
    """A world with everything (`WITH_ALL`), or for other seeds with a third of it."""
    if seed == WITH_ALL["objects"]:
        return made_of(*OF_OBJECTS, objects=True)
    if seed in WITH_ALL.values():
        return made_of(*KINDS, leases=seed == WITH_ALL["leases"])
    chance = random.Random(seed)
    objects = chance.random() < 1 / 3
    there = OF_OBJECTS if objects else KINDS
    kinds = [kind for kind in there if chance.random() < 1 / 3]
    return made_of(*kinds, leases=chance.random() < 2 / 3, objects=objects)
