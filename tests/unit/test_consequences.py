"""What removing does is said for the kind of key, for its verdict, and for its store."""

from __future__ import annotations

import pytest

from backends.liveness import STALE, Verdict
from tests import registered
from tests.registered import MALFORMED, UNKNOWN, KeyAndValue, card, channel, instance, record
from tui.consequences import (
    MOST_SENTENCES,
    SENTENCE_CELLS,
    consequences,
    plain_sentence,
    told_together,
)
from tui.plain import width

NOT_STALE = sorted(set(Verdict) - STALE)
LOGS = "Until then it logs an error every 3.3 s, since it misses its file."


def said(
    content: KeyAndValue, verdict: Verdict = Verdict.UNKNOWN, leases: bool | None = None
) -> str:
    return "\n".join(consequences(record(content), verdict=verdict, leases=leases))


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (instance(1), "Clients stop routing to this instance."),
        (card(1), "Frontends stop serving the model from this worker."),
        (card(1, lora="acme/sql"), "stop routing to the worker at all"),
        (channel(1), "does not find this publisher"),
        (registered.source(1, 1), "does not find this publisher"),
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
    assert "runs on, and writes the key again only when it restarts." in text


def test_only_where_a_worker_is_known_to_live_it_is_said_without_an_if() -> None:
    assert "Its worker runs on" in said(instance(1), Verdict.LIVE)
    assert "Its worker, if it lives, runs on" in said(instance(1), Verdict.UNKNOWN)


@pytest.mark.parametrize("verdict", [Verdict.EXPIRED, Verdict.ORPHANED])
def test_of_what_is_stale_it_says_so_and_nothing_of_a_worker_that_runs_on(
    verdict: Verdict,
) -> None:
    text = said(instance(1), verdict)
    assert "no live worker" in text or "Its worker is gone" in text
    assert "runs on" not in text


def test_what_does_not_answer_may_come_back_and_is_not_routed_to_then() -> None:
    assert "it is not routed to until it restarts" in said(card(1), Verdict.UNREACHABLE)


def test_a_drained_worker_of_a_file_store_logs_errors_and_one_of_etcd_does_not() -> None:
    assert LOGS in said(instance(1), Verdict.LIVE, leases=False)
    assert LOGS not in said(instance(1), Verdict.LIVE, leases=True)
    assert LOGS not in said(instance(1), Verdict.LIVE)


def test_an_expired_file_stays_unless_somebody_sweeps() -> None:
    text = "\n".join(consequences(record(instance(1), expired_at=1.0), leases=False))
    assert "or for ever" in text


def test_a_record_in_conflict_is_still_routed_to() -> None:
    assert "go by the body" in said((instance(1)[0], instance(2)[1]), Verdict.CONFLICT)


def test_in_nats_nothing_goes_by_itself_and_no_worker_misses_its_file() -> None:
    for verdict in (Verdict.UNKNOWN, Verdict.UNREACHABLE):
        text = "\n".join(
            consequences(record(instance(1)), verdict=verdict, leases=False, kept_alive=False)
        )
        assert "If nobody removes it, it stays, unless its bucket has a time to live." in text
        assert LOGS not in text
        assert "folder" not in text


def test_what_follows_for_several_is_told_once_and_in_order() -> None:
    assert told_together(["a", "b", "a", "c", "b"]) == ["a", "b", "c"]


def test_of_very_many_sentences_those_of_most_keys_are_told_and_the_rest_is_counted() -> None:
    own = [f"the body of {number} claims to be another" for number in range(1_000)]
    told = told_together([*own, "of all", "of all"])
    assert len(told) == MOST_SENTENCES + 1
    assert told[-2:] == ["of all", f"And {1_001 - MOST_SENTENCES} sentences more, of other keys."]


def test_a_sentence_with_long_names_keeps_its_start_and_its_end() -> None:
    name = "e" + chr(0x301) * 100_000
    shown = plain_sentence(f"the body names {name}; removing does not unroute")
    assert shown.startswith("the body names e")
    assert shown.endswith("; removing does not unroute")
    assert width(shown) <= SENTENCE_CELLS
