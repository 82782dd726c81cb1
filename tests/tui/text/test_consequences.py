"""What removing does is said for the kind of key, for its verdict, and for its store."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backends.liveness.judge import STALE, Verdict
from backends.liveness.routing import RoutableCount
from backends.removal.drain_plan import RemainingWorkers
from backends.store import Lifetime, Owner
from tests.support import registered
from tests.support.owned import GONE, NOT_READY, READY, WORKER, owned
from tests.support.registered import (
    MALFORMED,
    UNKNOWN,
    KeyAndValue,
    card,
    channel,
    instance,
    record,
)
from tui.text.consequences import (
    MOST_SENTENCES,
    SENTENCE_CELLS,
    as_clause,
    combined,
    consequences,
    left_in_words,
    plain_sentence,
    workers_in_words,
)
from tui.text.sanitize import width

NOT_STALE = sorted(set(Verdict) - STALE - {Verdict.LEFTOVER})
LOGS = "Until then it logs an error every 3.3 s about its missing file."


def left(model: str, is_lora: bool, before: int, after: int) -> RemainingWorkers:
    before_it, after_it = (RoutableCount(number, number, number) for number in (before, after))
    return RemainingWorkers(model, is_lora, before_it, after_it)


def said(
    content: KeyAndValue, verdict: Verdict = Verdict.UNKNOWN, lifetime: Lifetime | None = None
) -> str:
    return "\n".join(consequences(record(content), verdict=verdict, lifetime=lifetime))


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (instance(1), "Clients stop routing to this instance."),
        (card(1), "Frontends stop serving the model from this worker."),
        (card(1, lora="acme/sql"), "stop routing to the worker at all"),
        (channel(1), "will not find this publisher"),
        (registered.source(1, 1), "will not find this publisher"),
        (UNKNOWN, "does not know what this key is for"),
        (MALFORMED, "Dynamo skips it"),
    ],
)
def test_a_record_alone_is_enough_to_say_what_its_kind_loses(
    content: KeyAndValue, text: str
) -> None:
    assert text in "\n".join(consequences(record(content)))


@pytest.mark.parametrize("verdict", NOT_STALE)
def test_of_what_may_live_it_says_that_the_worker_runs_on(verdict: Verdict) -> None:
    text = said(instance(1), verdict)
    assert "keeps running but stays unregistered until it restarts." in text


def owned_text(content: KeyAndValue, verdict: Verdict, owner: Owner = READY) -> str:
    shown = owned(content, owner)
    return "\n".join(consequences(shown, verdict=verdict, lifetime=Lifetime.OWNED))


def test_in_kubernetes_the_workers_next_own_change_writes_it_back() -> None:
    text = owned_text(instance(WORKER), Verdict.LIVE)
    assert "The worker keeps running but stays unregistered until it restarts or itself" in text
    assert "that writes all of it back." in text
    assert "Left alone" not in text
    assert "Clients do not discover its worker now." in owned_text(
        instance(WORKER), Verdict.NOT_READY, NOT_READY
    )


@pytest.mark.parametrize(
    ("owner", "text"),
    [
        (GONE, "Left alone, Kubernetes removes its object, as a rule within seconds."),
        (replace(GONE, pod_name=""), "Left alone, it stays for ever"),
        (READY, "Left alone, it stays until the process that runs now registers."),
    ],
)
def test_in_kubernetes_it_says_what_becomes_of_what_is_orphaned(owner: Owner, text: str) -> None:
    assert text in owned_text(instance(WORKER), Verdict.ORPHANED, owner)


def test_a_leftover_card_gets_no_requests_and_comes_back_with_its_process() -> None:
    text = owned_text(card(WORKER), Verdict.LEFTOVER, NOT_READY)
    assert "no request reaches it" in text
    assert "keeps running" not in text


def test_in_kubernetes_a_malformed_entry_hides_its_object() -> None:
    assert "It hides its whole object" in owned_text(registered.MALFORMED, Verdict.MALFORMED)


def test_only_where_a_worker_is_known_to_live_it_is_said_without_an_if() -> None:
    assert "The worker keeps running" in said(instance(1), Verdict.LIVE)
    assert "The worker, if it is alive, keeps running" in said(instance(1), Verdict.UNKNOWN)


@pytest.mark.parametrize("verdict", [Verdict.EXPIRED, Verdict.ORPHANED])
def test_of_what_is_stale_it_says_so_and_nothing_of_a_worker_that_runs_on(
    verdict: Verdict,
) -> None:
    text = said(instance(1), verdict)
    assert "no live worker" in text or "Its worker is gone" in text
    assert "keeps running" not in text


def test_what_does_not_answer_may_come_back_and_is_not_routed_to_then() -> None:
    hung = said(card(1), Verdict.UNREACHABLE)
    assert "will need a restart to be routed to again" in hung
    # The address of a process that hangs accepts connections all the same.
    assert "at this address" not in hung


def test_a_drained_worker_of_a_file_store_logs_errors_and_one_of_etcd_does_not() -> None:
    assert LOGS in said(instance(1), Verdict.LIVE, Lifetime.TOUCHED)
    assert LOGS not in said(instance(1), Verdict.LIVE, Lifetime.LEASED)
    assert LOGS not in said(instance(1), Verdict.LIVE)


def test_an_expired_file_stays_unless_somebody_sweeps() -> None:
    text = "\n".join(consequences(record(instance(1), expired_at=1.0), lifetime=Lifetime.TOUCHED))
    assert "or for ever" in text


def test_of_an_instance_that_names_another_it_is_not_said_that_clients_leave_it() -> None:
    names_another = record((registered.instance(1)[0], registered.instance(2)[1]))
    told = " ".join(consequences(names_another, verdict=Verdict.CONFLICT))
    assert "does not unroute that id" in told
    assert "Clients stop routing" not in told


def test_a_record_in_conflict_is_still_routed_to() -> None:
    assert "go by the body" in said((instance(1)[0], instance(2)[1]), Verdict.CONFLICT)


def test_in_nats_nothing_goes_by_itself_and_no_worker_misses_its_file() -> None:
    for verdict in (Verdict.UNKNOWN, Verdict.UNREACHABLE):
        text = "\n".join(
            consequences(record(instance(1)), verdict=verdict, lifetime=Lifetime.UNBOUNDED)
        )
        assert "Left alone, it stays, unless its bucket has a time to live." in text
        assert LOGS not in text
        assert "folder" not in text


@pytest.mark.parametrize(
    ("what", "text"),
    [
        (left("m", False, 7, 6), "m: 6 of 7 stay routable."),
        (left("m", False, 2, 1), "m: 1 of 2 stays routable."),
        (left("m", False, 3, 0), "m: no worker serves it then."),
        (left("m", False, 0, 0), "m: no routable worker, before or after."),
        (left("sql", True, 2, 0), "LoRA adapter sql: no worker serves it then."),
        (
            RemainingWorkers(
                "m", False, RoutableCount(4, 4, 4), RoutableCount(0, 0, 3), ("decode",)
            ),
            "m: no worker serves it then: no decode worker is left.",
        ),
        (
            RemainingWorkers("m", False, RoutableCount(1, 2, 3), RoutableCount(0, 2, 2)),
            "m: 0 to 2 of 2 stay routable.",
        ),
    ],
)
def test_it_says_what_each_model_is_left_with(what: RemainingWorkers, text: str) -> None:
    assert left_in_words(what) == text


def test_workers_are_named_and_of_many_the_first_few() -> None:
    assert workers_in_words([0xA7]) == "worker a7"
    assert workers_in_words([0xA7, 0xB2]) == "workers a7 and b2"
    assert workers_in_words([*range(1, 8)]) == "workers 1, 2, 3, 4 and 3 more"


def test_what_follows_for_several_is_told_once_and_in_order() -> None:
    assert combined(["a", "b", "a", "c", "b"]) == ["a", "b", "c"]


def test_what_follows_for_several_is_in_words_for_several() -> None:
    records = [record(instance(number)) for number in (1, 2)]
    told = [one for shown in records for one in consequences(shown, verdict=Verdict.LIVE)]
    assert combined(told, workers=2) == [
        "Clients stop routing to these instances.",
        "Each worker keeps running but stays unregistered until it restarts.",
    ]
    assert combined(told, workers=1) == [
        "Clients stop routing to these instances.",
        "The worker keeps running but stays unregistered until it restarts.",
    ]
    assert combined(consequences(records[0])) == consequences(records[0])


def test_of_very_many_sentences_those_of_most_keys_are_told_and_the_rest_is_counted() -> None:
    own = [f"the body of {number} claims to be another" for number in range(1_000)]
    told = combined([*own, "of all", "of all"])
    assert len(told) == MOST_SENTENCES + 1
    assert told[-2:] == ["of all", f"And {1_001 - MOST_SENTENCES} sentences more, of other keys."]


def test_a_sentence_with_long_names_keeps_its_start_and_its_end() -> None:
    name = "e" + chr(0x301) * 100_000
    shown = plain_sentence(f"the body names {name}; removing does not unroute")
    assert shown.startswith("the body names e")
    assert shown.endswith("; removing does not unroute")
    assert width(shown) <= SENTENCE_CELLS


@pytest.mark.parametrize(
    ("sentence", "after"),
    [
        ("The worker keeps its lease.", "the worker keeps its lease"),
        (
            "LoRA adapter sql: no worker serves it then.",
            "LoRA adapter sql: no worker serves it then",
        ),
        ("Qwen/Qwen3: 1 of 2 stays routable.", "Qwen/Qwen3: 1 of 2 stays routable"),
        ("Qwen: 1 of 2 stays routable.", "Qwen: 1 of 2 stays routable"),
    ],
)
def test_a_name_keeps_its_capital_where_a_sentence_follows_a_colon(
    sentence: str, after: str
) -> None:
    assert as_clause(sentence) == after
