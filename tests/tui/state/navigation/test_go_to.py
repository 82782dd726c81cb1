"""What is typed after `:` finds what it names, or says why it does not."""

from __future__ import annotations

import pytest

from backends.discovery.discovery import Added, Removed, Resynced
from backends.store import Lifetime
from tests.support import registered
from tests.support.owned import POD, owned
from tests.support.registered import record
from tui.state.cluster_view import ClusterView
from tui.state.destinations import Destination
from tui.state.navigation.go_to import WORDS, GoTo
from tui.state.reported_removals import Notice
from tui.state.tabs import TabId

WORKER, OTHER = 0x52CBA2252F21FB17, 0x2B
INSTANCE = record(registered.instance(WORKER, address="10.0.0.7:9000"), lease=WORKER)
CARD = record(registered.card(WORKER, "acme/tiny"), lease=WORKER)
ADAPTER = record(registered.card(WORKER, "acme/tiny", "acme/sql"), lease=WORKER)
LONELY = record(registered.card(OTHER, "acme/large", namespace="staging"), lease=OTHER)
BESIDE = record(
    registered.instance(OTHER, namespace="staging", address="10.0.0.7:9001"), lease=OTHER
)


def view_of(*records: object) -> ClusterView:
    view = ClusterView(0.0, Lifetime.LEASED)
    view.take([Resynced((), tuple(map(Added, records)), "1")], 1.0)  # type: ignore[arg-type]
    view.take_changes()
    return view


def go_to() -> GoTo:
    return GoTo(view_of(INSTANCE, CARD, ADAPTER, LONELY, BESIDE))


@pytest.mark.parametrize(
    "text",
    [
        *("52cba2252f21fb17", "0x52CBA2252F21FB17", "5966040411970599703"),
        *("instance_id=5966040411970599703", "10.0.0.7:9000", "tcp://10.0.0.7:9000"),
    ],
)
@pytest.mark.parametrize("word", ["id ", "ID ", "worker ", "address ", ""])
def test_an_id_or_address_goes_to_its_worker_with_and_without_the_word(
    word: str, text: str
) -> None:
    assert go_to().resolve(word + text) == Destination(
        tab=TabId.WORKERS, row=WORKER, scope=(), filter=""
    )


def test_the_key_of_an_instance_goes_to_its_row_and_that_of_a_card_to_its_worker() -> None:
    found = go_to().resolve(f"key {INSTANCE.key.decode()}")
    assert found == Destination(tab=TabId.INSTANCES, row=INSTANCE.key, scope=(), filter="")
    found = go_to().resolve(CARD.key.decode())
    assert found == Destination(tab=TabId.WORKERS, row=WORKER, scope=(), filter="")


def test_a_host_of_several_workers_filters_that_host_and_no_longer_name() -> None:
    for text in ("host 10.0.0.7", "id 10.0.0.7", "10.0.0.7"):
        found = go_to().resolve(text)
        assert found == Destination(tab=TabId.WORKERS, scope=(), filter="host=10.0.0.7")
    longer = record(registered.instance(3, address="10.0.0.77:9000"), lease=3)
    view = view_of(INSTANCE, BESIDE, longer)
    view.narrow("host=10.0.0.7")
    assert view.shown.records.keys() == {INSTANCE.key, BESIDE.key}
    several = GoTo(view).resolve("host 10.0.0")
    assert several == Destination(tab=TabId.WORKERS, scope=(), filter="10.0.0")


def test_a_node_and_a_pod_are_hosts_too_and_offered_after_the_word() -> None:
    in_pod = owned(registered.instance(5))
    found = GoTo(view_of(in_pod, INSTANCE))
    for name in ("node-a", POD):
        shown = found.resolve(f"host {name}")
        assert shown == Destination(tab=TabId.WORKERS, scope=(), filter=f"host={name}")
        assert found.completed(f"host {name[:-2]}") == f"host {name}"
        view = view_of(in_pod, INSTANCE)
        view.narrow(f"host={name}")
        assert view.shown.records.keys() == {in_pod.key}


def test_a_host_at_which_nothing_is_registered_is_said_with_the_one_that_is_like_it() -> None:
    said = go_to().resolve("host 10.0.0.8")
    assert isinstance(said, Notice)
    assert said.text.endswith("at a host 10.0.0.8 (did you mean 10.0.0.7?).")


def test_a_model_is_found_by_its_name_or_by_a_part_that_only_it_has() -> None:
    for text in ("acme/large", "ACME/LARGE", "larg"):
        found = go_to().resolve(f"model {text}")
        assert found == Destination(tab=TabId.MODELS, row=("acme/large",), scope=(), filter="")
    several = go_to().resolve("model acme")
    assert several == Destination(tab=TabId.MODELS, scope=(), filter="acme")


def test_a_namespace_is_opened_and_without_a_name_all() -> None:
    assert go_to().resolve("ns staging") == Destination(scope=("staging",))
    assert go_to().resolve("namespace STAGING") == Destination(scope=("staging",))
    assert go_to().resolve("ns") == Destination(scope=())


def test_tabs_findings_and_everything_have_words() -> None:
    for tab in TabId:
        assert go_to().resolve(tab.value) == Destination(tab=tab)
    assert go_to().resolve("stale") == Destination(only_findings=True)
    assert go_to().resolve(" all ") == Destination(scope=(), filter="", only_findings=False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id 99", "Nothing is registered that is named 99."),
        (
            "modle x",
            "modle x is no command (did you mean :model?), and nothing registered has that name.",
        ),
        ("ns stagin", "Nothing is registered in a namespace stagin (did you mean staging?)."),
        ("model acme/larg3", "No model is named acme/larg3 (did you mean acme/large?)."),
        ("stale prod", ":stale takes nothing after it."),
        ("id", ":id needs ID, ADDRESS or KEY."),
        ("id \x1b[31m", "Nothing is registered that is named \\x1b[31m."),
    ],
)
def test_what_is_not_found_is_said_in_a_sentence(text: str, said: str) -> None:
    assert go_to().resolve(text) == Notice(said, "warning")


def test_what_was_registered_and_is_gone_is_looked_for_in_the_events() -> None:
    view = view_of(INSTANCE)
    view.take([Removed(INSTANCE)], 2.0)
    view.take_changes()
    found = GoTo(view).resolve("id 52cba2252f21fb17")
    assert found == Destination(tab=TabId.EVENTS, scope=(), filter="52cba2252f21fb17")


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        *(("m", "model"), ("ns st", "ns staging"), ("model ACME/L", "model acme/large")),
        *(("namespace pr", "namespace prod"), ("id 52", "id 52cba2252f21fb17")),
        *(("host 10", "host 10.0.0.7"), ("ns ", None), ("nowhere", None), ("stale x", None)),
    ],
)
def test_a_line_is_completed_from_what_is_registered(typed: str, line: str | None) -> None:
    assert go_to().completed(typed) == line


def test_a_hostile_name_is_offered_as_harmless_text_and_found_by_it() -> None:
    hostile = record(registered.card(3, "acme/\x1b[2J\u202eevil"))
    found = GoTo(view_of(hostile))
    line = found.completed("model acme")
    assert line == "model acme/\\x1b[2J\\u202eevil"
    assert found.resolve(line) == Destination(
        tab=TabId.MODELS, row=("acme/\x1b[2J\u202eevil",), scope=(), filter=""
    )


def test_no_word_stands_for_two_things() -> None:
    words = [word.word for word in WORDS]
    assert len(set(words)) == len(words)
