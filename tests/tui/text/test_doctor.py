"""An examination's words: what was seen, and what to do, apart from each other and harmless."""

from __future__ import annotations

import pytest

from backends.doctor.steps import (
    Answers,
    ClockDifference,
    Contents,
    Opened,
    RaftTerms,
    Removable,
    Skipped,
    Step,
    StepFailure,
    StepKind,
    StepResult,
    TimedOut,
)
from backends.store import Cause, Forbidden, Misconfigured, NotAuthorised, Unreachable
from tui.text.doctor import SIGNS, exit_code, split, text_of
from tui.text.errors import WHERE, Exit, explain

SEEN_ONLY = {
    ("kubernetes", Cause.NOT_THIS_STORE),
}
"""Errors whose sentence does not say what to do."""


def step(finding: object, kind: StepKind = StepKind.READ, store: str = "etcd") -> Step:
    return Step(kind, StepResult.FAILED, finding, store)  # type: ignore[arg-type]


@pytest.mark.parametrize("cause", Cause)
@pytest.mark.parametrize("store", WHERE)
@pytest.mark.parametrize("detail", ["", "x: y (z: w)"])
def test_what_to_do_is_apart_from_what_was_seen(store: str, cause: Cause, detail: str) -> None:
    error = Unreachable("https://[::1]:2379", cause, detail)
    sentence = explain(error, store).sentence
    seen, remedy = split(sentence)
    assert f"{seen}: {remedy}" == sentence or (not remedy and seen == sentence)
    assert "https://[::1]:2379" in seen
    assert detail in seen
    assert bool(remedy) is ((store, cause) not in SEEN_ONLY)


@pytest.mark.parametrize("kind", [NotAuthorised, Forbidden])
@pytest.mark.parametrize("store", WHERE)
def test_of_a_refusal_too(store: str, kind: type[NotAuthorised]) -> None:
    text = text_of(step(StepFailure(kind("http://a:1", "no: never")), store=store))
    assert "no: never" in text.detail
    assert text.remedy


def test_a_server_s_words_reach_no_terminal_raw() -> None:
    hostile = "\x1b[2J\u202e\n"
    for finding in (
        Opened("etcd", hostile),
        StepFailure(NotAuthorised("http://a:1", hostile)),
        Contents({b"v1/instances/": 1}, 0, (hostile,)),
        Removable(allowed=False, reason=hostile),
        Answers((hostile,)),
    ):
        text = text_of(step(finding))
        assert (text.detail + text.remedy).isprintable(), finding


def test_the_exit_code_is_that_of_the_first_step_that_failed() -> None:
    warning = Step(StepKind.NAME, StepResult.WARNING, TimedOut(1.0), "etcd")
    skipped = Step(StepKind.TLS, StepResult.SKIPPED, Skipped(StepKind.PORT), "etcd")
    login = step(StepFailure(NotAuthorised("http://a:1", "no")), StepKind.LOGIN)
    hang = step(TimedOut(1.0), StepKind.PORT)
    settings = step(StepFailure(Misconfigured("X", "is wrong")), StepKind.SETTINGS)
    certificate = step(Answers((), (Misconfigured("ETCD_AUTH_CA", "is no PEM"),)), StepKind.TLS)
    alarm = step(TimedOut(1.0), StepKind.ALARMS)
    for steps, code in (
        ([], Exit.DONE),
        ([warning, skipped], Exit.DONE),
        ([warning, login, alarm], Exit.NOT_AUTHORISED),
        ([hang, login], Exit.UNREACHABLE),
        ([settings, hang], Exit.USAGE),
        ([certificate], Exit.USAGE),
        ([alarm, login], Exit.REFUSED),
    ):
        assert exit_code(steps) == code


def test_a_difference_of_clocks_says_no_more_than_is_known() -> None:
    def words(least: float, most: float) -> str:
        return text_of(step(ClockDifference(least, most, "etcd"))).detail

    assert words(-0.5, 0.6) == "no difference seen to etcd (less than 0.6 s)"
    assert words(12.1, 13.2) == "the clock of etcd is ahead of this host's by 12.1 to 13.2 s"
    assert words(-13.2, -12.1) == "the clock of etcd is behind this host's by 12.1 to 13.2 s"


def test_a_change_of_the_leader_is_told_with_what_it_means() -> None:
    text = text_of(step(RaftTerms({"a": 2}, {"a": 3}, (), 0.5), StepKind.TERM))
    assert "raft terms 2 and 3 within 0.5 s: a new leader" in text.detail
    text = text_of(step(RaftTerms({"a": 2}, {"a": 2}, ("a",), 0.5), StepKind.TERM))
    assert text.detail == "no leader is known to a"


def test_each_result_has_a_sign() -> None:
    assert set(SIGNS) == set(StepResult)
