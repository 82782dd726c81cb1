"""How a question words its evidence."""

from __future__ import annotations

import pytest

from backends.liveness.evidence import Evidence
from backends.liveness.evidence_kinds import LeaseLeft, NoLease, Values
from backends.liveness.sentences import sentence
from tui.state.removal_review import text_with_age

NOW = 1_000.0


@pytest.mark.parametrize("age", [0.0, 1.0, 4.9])
def test_evidence_that_is_confirmed_every_few_seconds_shows_no_age_that_comes_and_goes(
    age: float,
) -> None:
    assert text_with_age(Evidence(NoLease(), NOW - age), NOW) == sentence(NoLease())


@pytest.mark.parametrize(("values", "age"), [(NoLease(), 5.0), (LeaseLeft(8.0, 10.0, None), 1.0)])
def test_evidence_that_may_be_otherwise_by_now_shows_its_age(values: Values, age: float) -> None:
    assert text_with_age(Evidence(values, NOW - age), NOW) == f"{sentence(values)} ({age:.0f}s ago)"
