"""The comparison itself: it finds what is not equal, and nothing where all is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.truth.comparing import Got, Said, Standing, differences
from tests.truth.moments import Moment, ids, only
from tests.truth.requests import Answers

MODEL = "acme/a"
MOMENT = Moment("any", (), only(MODEL))
BOTH = ids("a", "b")
KEYS = ids("k1", "k2")
WELL = Got({MODEL: [Answers((200, 200), BOTH, frozenset({MODEL}))]}, {MODEL: BOTH}, KEYS)
OUTAGE = Got({MODEL: [Answers((503, 503), ids(), frozenset())]}, {MODEL: BOTH}, KEYS)
SERVED = Standing(True, 2, 2, 2, 0)
UNSERVED = Standing(False, 0, 0, 2, 1)
GREEN = Said({MODEL: BOTH}, standings={MODEL: SERVED}, verdicts=dict.fromkeys(KEYS, "live"))
RED = Said(
    {MODEL: ids()}, standings={MODEL: UNSERVED}, check=1, verdicts=dict.fromkeys(KEYS, "unroutable")
)


def found(moment: Moment, got: Got, said: Said) -> str:
    return " · ".join(differences(moment, got, said))


def test_what_is_equal_is_no_difference() -> None:
    assert not found(MOMENT, WELL, GREEN)
    assert not found(MOMENT, OUTAGE, RED)
    late = replace(GREEN, verdicts={"k1": "live", "k2": "late", "gone meanwhile": "expired"})
    assert not found(replace(MOMENT, tolerated=frozenset({"late"})), WELL, late)


@pytest.mark.parametrize(
    ("got", "said", "difference"),
    [
        (OUTAGE, GREEN, "a and 1 more are routable, and take no requests"),
        (OUTAGE, GREEN, "not served, and check --model says otherwise"),
        (OUTAGE, GREEN, "0 take requests, and check --model says 2 to 2"),
        (OUTAGE, GREEN, "not served, and check --model exits 0"),
        (OUTAGE, GREEN, "requests fail, and check finds nothing"),
        (WELL, RED, "a and 1 more take requests, and are not routable"),
        (WELL, RED, "served, and check --model says otherwise"),
        (WELL, RED, "each request is answered by each worker, and check exits 1"),
        (WELL, replace(GREEN, verdicts={"k1": "live", "k2": "late"}), "this is late: k2"),
        (WELL, replace(GREEN, proposed=ids("k")), "proposed for removal, and not dead: k"),
        (WELL, replace(RED, contested={MODEL: BOTH}), "one frontend reaches all the workers"),
        (OUTAGE, replace(RED, contested={MODEL: BOTH}), "in conflict, and none takes requests"),
    ],
)
def test_what_is_not_equal_is_named(got: Got, said: Said, difference: str) -> None:
    assert difference in found(MOMENT, got, said)


def test_what_is_dead_is_to_be_found_and_proposed() -> None:
    moment = replace(MOMENT, dead_keys=ids("k1"), silent_keys=ids("k2"))
    assert "not found by check: k1 and 1 more" in found(moment, OUTAGE, RED)
    assert "dead, and not proposed for removal: k1" in found(moment, OUTAGE, RED)
    said = replace(RED, findings=ids("k1", "k2"), proposed=ids("k1"))
    assert not found(moment, OUTAGE, said)
    assert "not dead: k2" in found(moment, OUTAGE, replace(said, proposed=ids("k1", "k2")))
    # A lease that ended meanwhile took this with it.
    assert not found(moment, replace(OUTAGE, keys=ids("k2")), replace(said, proposed=ids()))
    removable = replace(moment, removable_keys=ids("k2"))
    assert not found(removable, OUTAGE, replace(said, proposed=ids("k1", "k2")))


def test_one_worker_that_takes_nothing_is_none_of_the_routable() -> None:
    got = Got({MODEL: [Answers((200,), ids("a"), frozenset({MODEL}))]}, {MODEL: BOTH}, KEYS)
    assert "b are routable, and take no requests" in found(MOMENT, got, GREEN)
    standing = {MODEL: replace(SERVED, least=1, most=1)}
    said = replace(GREEN, routable={MODEL: ids("a")}, standings=standing, check=1)
    assert not found(MOMENT, got, said)


def test_a_conflict_is_two_frontends_that_reach_other_workers() -> None:
    answers = [Answers((200,), ids(one), frozenset({MODEL})) for one in ("a", "b")]
    got = Got({MODEL: answers}, {MODEL: BOTH}, KEYS)
    standing = Standing(True, 1, 1, 2, 1)
    said = Said({}, {MODEL: BOTH}, {MODEL: standing}, 1)
    assert not found(MOMENT, got, said)
    said = replace(said, standings={MODEL: replace(standing, least=2, most=2)})
    assert "1 take requests, and check --model says 2 to 2" in found(MOMENT, got, said)
