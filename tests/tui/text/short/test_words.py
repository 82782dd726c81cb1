"""Where there is no room for a reason, it is said in words that are whole."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backends.discovery.reasons import Reason, ReasonKind
from backends.liveness.evidence_kinds import (
    AddressProbed,
    ContainerDown,
    Drained,
    Malformed,
    NeedsNotMet,
    NotReady,
    Values,
)
from backends.liveness.routing import ServingReason
from backends.probe.types import ProbeAnswer, ProbeMethod
from backends.store.owner import Readiness
from tests.support.evidence import SENTENCES
from tests.support.registered import MALFORMED, instance, record
from tui.text.brief_evidence import brief_evidence
from tui.text.sanitize import width
from tui.text.serving import why_not, words_why_not
from tui.text.short import SHORTEST, forms, shortest, without_last_clauses
from tui.text.short.evidence_words import evidence_words
from tui.text.short.reason_words import reason_words

OF_THE_STORE = {ReasonKind.LOST, ReasonKind.RESYNCED}
"""No row of a record has them."""


def assert_shorter_and_shorter(found: tuple[str, ...]) -> None:
    sizes = [width(one) for one in found]
    assert sizes == sorted(set(sizes), reverse=True)
    assert 0 < sizes[-1] <= SHORTEST
    assert not any("…" in one for one in found)


@pytest.mark.parametrize("values", SENTENCES, ids=lambda values: values.kind.value)
def test_every_kind_of_evidence_has_words_that_fit_into_the_narrowest_column(
    values: Values,
) -> None:
    assert_shorter_and_shorter(evidence_words(values))
    assert len(evidence_words(values)[-1]) <= max(SHORTEST, len(brief_evidence(values)))


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        (*MALFORMED, "not JSON"),
        (instance(1)[0], b"[" * 300 + b"]" * 300, "too deep"),
        (instance(1)[0], b"[]", "no object"),
        (b"v1/instances/prod/backend/generate/x", b"{}", "bad id"),
        (b"v1/instances/prod", b"{}", "bad key"),
        (instance(1)[0], b'{"type": "Model"}', "bad body"),
        (instance(1)[0], b'{"type": "Endpoint", "transport": 1}', "skipped"),
    ],
)
def test_of_what_is_malformed_the_words_say_which_part_is(
    key: bytes, value: bytes, words: str
) -> None:
    found = record((key, value)).malformed
    assert found is not None
    assert evidence_words(Malformed(found))[-1] == words
    assert_shorter_and_shorter(evidence_words(Malformed(found)))


@pytest.mark.parametrize("answer", ProbeAnswer)
def test_so_has_every_answer_of_an_address(answer: ProbeAnswer) -> None:
    probed = AddressProbed(ProbeMethod.TCP, answer, "10.0.0.1:9000", 1, "said something")
    assert_shorter_and_shorter(evidence_words(probed))


@pytest.mark.parametrize("readiness", Readiness)
def test_so_has_everything_that_keeps_clients_from_discovering_a_pod(readiness: Readiness) -> None:
    for container in (None, "main"):
        assert_shorter_and_shorter(evidence_words(NotReady("o", "p", container, readiness)))
    reason = Reason(ReasonKind.NOT_READY, readiness=readiness.value)
    assert_shorter_and_shorter(reason_words(reason))


@pytest.mark.parametrize("kind", [kind for kind in ReasonKind if kind not in OF_THE_STORE])
def test_so_has_every_reason_for_which_a_record_went(kind: ReasonKind) -> None:
    reason = Reason(kind, user="somebody.with.a.long.name", host="a-host")
    assert_shorter_and_shorter(reason_words(reason))


@pytest.mark.parametrize("reason", ServingReason)
def test_so_has_every_reason_for_which_a_worker_gets_no_requests(reason: ServingReason) -> None:
    assert_shorter_and_shorter(words_why_not({reason: 1_234}, {}))
    assert_shorter_and_shorter(words_why_not({reason: 2}, {}, sorts=2))


def test_what_others_named_is_in_the_longer_forms_alone() -> None:
    by = Drained("somebody.with.a.long.name", "a-host", None)
    assert evidence_words(by)[-1] == "by dyntop"
    assert evidence_words(replace(by, user="joe")) == ("by joe on a-host", "by joe")
    down = ContainerDown("main", "waiting", "CrashLoopBackOff", None, 3)
    assert evidence_words(down) == ("CrashLoopBackOff", "not running")
    roles = evidence_words(NeedsNotMet(("a-role-with-a-long-name",), "prod"))
    assert roles == ("no a-role-with-a-long-name", "lacks role")


def test_a_warning_about_a_pod_is_named_as_kubernetes_does() -> None:
    reason = Reason(ReasonKind.POD_WARNING, warning="Unhealthy", message="of it", times=12)
    assert reason_words(reason) == ("Unhealthy ×12", "Unhealthy", "warning")
    long = replace(reason, warning="FailedAttachVolume", times=1)
    assert reason_words(long) == ("FailedAttachVolume", "pod warning", "warning")


def test_of_several_reasons_the_first_is_said() -> None:
    assert words_why_not({}, {"prod": ("prefill", "decode")}) == (
        "no decode, no prefill",
        "lacks 2 roles",
        "lacks roles",
    )
    waiting = {ServingReason.DEAD: 3, ServingReason.NEEDS: 4}
    assert words_why_not(waiting, {"prod": ("decode",)}) == ("no decode",)
    assert words_why_not({}, {}, unknown=2) == ("not known",)
    assert shortest((), ("a",), ("b",)) == ("a",)
    assert forms("longer", "as long", "", "short") == ("longer", "short")
    assert reason_words(None) == ()


def test_where_no_worker_waits_for_a_role_its_own_workers_are_the_reason() -> None:
    """All workers of a model are dead, or drained: that no worker has their role says less."""
    for reason, said in ((ServingReason.DEAD, "2 dead"), (ServingReason.NO_INSTANCE, "2 no inst")):
        reasons: dict[ServingReason, int] = {reason: 2}
        missing: dict[str | None, tuple[str, ...]] = {"prod": ("aggregated",)}
        assert words_why_not(reasons, missing)[0].startswith(said)
        assert why_not(reasons, missing).startswith(said)
        assert "aggregated" not in why_not(reasons, missing)


def test_a_text_loses_its_clauses_from_the_end() -> None:
    text = "decode, acme/tiny: 10.0.0.1; 6 keys"
    assert without_last_clauses(text) == (
        "decode, acme/tiny: 10.0.0.1",
        "decode, acme/tiny",
        "decode",
    )
    assert without_last_clauses("http://etcd:2379") == ()
