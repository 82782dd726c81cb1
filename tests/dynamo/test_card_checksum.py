"""What Dynamo's checksum of a card covers, and whose cards must have one checksum."""

from __future__ import annotations

import json
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from backends.demo import records as demo_records
from backends.demo.records import DemoModel, DemoRole, DemoWorker
from backends.dynamo.card_checksum import (
    MAX_VALUE,
    covered,
    differences,
    fingerprint,
    is_compared,
    worker_set_of,
)
from backends.dynamo.parse import read
from backends.dynamo.records import ModelCard
from backends.store import Entry, Revision
from tests.support.strategies import json_values

Card = dict[str, Any]


def group_of(card: ModelCard) -> Hashable | None:
    """Return the group of cards that must have the same checksum as this one.

    None: the card is not compared with others. It is unreadable to a frontend, expired, or a LoRA
    adapter's, which follows its worker's own card.
    """
    return worker_set_of(card) if is_compared(card) else None


def file(path: str, digit: str) -> Card:
    """A file as cards have it; the checksum is that digit 64 times."""
    return {"path": path, "checksum": "blake3:" + digit * 64, "size": 219}


CARD: Card = {
    "display_name": "acme/tiny-llm",
    "slug": "acme_tiny-llm",
    "source_path": "acme/tiny-llm",
    "model_info": {"hf_config_json": file("/models/config.json", "1")},
    "tokenizer": {"hf_tokenizer_json": file("/models/tokenizer.json", "2")},
    "prompt_formatter": {"hf_tokenizer_config_json": file("/models/tokenizer_config.json", "3")},
    "gen_config": {"hf_generation_config_json": file("/models/generation_config.json", "4")},
    "architectural_max_context_length": 2048,
    "context_length": 2048,
    "kv_cache_block_size": 16,
    "migration_limit": 0,
    "model_type": "Chat | Completions",
    "model_input": "Tokens",
    "worker_type": "aggregated",
    "needs": [],
    "extra_files": [file("/models/a.json", "5"), file("/models/b.json", "6")],
    "runtime_config": {"max_num_seqs": 256},
    "media_decoder": None,
    "media_fetcher": None,
}
TEMPLATE = {"hf_chat_template": {"is_custom": True, "file": file("/models/chat.jinja", "7")}}

COVERED: dict[str, Card] = {
    "display_name": {"display_name": "acme/other"},
    "source_path": {"source_path": "/mnt/acme/tiny-llm"},
    "no source_path": {"source_path": None},
    "model_info": {"model_info": {"hf_config_json": file("/models/config.json", "9")}},
    "tokenizer": {"tokenizer": {"hf_tokenizer_json": file("/models/tokenizer.json", "9")}},
    "no tokenizer": {"tokenizer": None},
    "prompt_formatter": {"prompt_formatter": TEMPLATE},
    "chat_template_file": {"chat_template_file": TEMPLATE},
    "gen_config": {"gen_config": {"hf_generation_config_json": file("/models/g.json", "9")}},
    "an extra file less": {"extra_files": [file("/models/a.json", "5")]},
    "an extra file's name": {
        "extra_files": [file("/models/c.json", "5"), file("/models/b.json", "6")]
    },
    "an extra file's checksum": {
        "extra_files": [file("/models/a.json", "9"), file("/models/b.json", "6")]
    },
    "prompt_context": {"prompt_context": ["oai_chat"]},
    "no prompt_context and an empty one": {"prompt_context": []},
    "the engine's context length": {"runtime_config": {"context_length": 1024}},
    "the architecture's context length": {"architectural_max_context_length": 4096},
    "kv_cache_block_size": {"kv_cache_block_size": 32},
    "worker_type": {"worker_type": "decode"},
    "no worker_type": {"worker_type": None},
    "needs": {"needs": [["prefill"]]},
    "aliases": {"aliases": ["tiny"]},
    "router_config": {
        "router_config": {"router_mode": "k_v", "kv_router_config": {}, "load_threshold_config": {}}
    },
    "indexer_identity": {"indexer_identity": {"semantics": {"dtype": "fp8"}}},
}
NOT_COVERED: dict[str, Card] = {
    "the path of a file": {"tokenizer": {"hf_tokenizer_json": file("/mnt/t.json", "2")}},
    "the kind of a file": {"tokenizer": {"tik_token_model": file("/models/tokenizer.json", "2")}},
    "the order and folders of extra files": {
        "extra_files": [file("http://host:1/v1/metadata/b.json?x=1#y", "6"), file("a.json/", "5")]
    },
    "a context length that another overrides": {"context_length": 4096},
    "the rest of runtime_config": {"runtime_config": {"max_num_seqs": 8, "context_length": None}},
    "what an engine says as the architecture does": {"runtime_config": {"context_length": 2048}},
    "slug": {"slug": "other"},
    "migration_limit": {"migration_limit": 3},
    "model_type": {"model_type": "Chat"},
    "model_input": {"model_input": "Text"},
    "user_data": {"user_data": {"rack": 7}},
    "lora": {"lora": {"name": "acme/sql"}},
    "a field to come": {"shape_of_things": 1},
    "no aliases and none": {"aliases": []},
    "null for what may be missing": {"prompt_context": None, "router_config": None},
}


@pytest.mark.parametrize("change", COVERED.values(), ids=COVERED)
def test_a_difference_in_what_is_covered_is_found_and_named(change: Card) -> None:
    other = CARD | change
    assert fingerprint(other) != fingerprint(CARD)
    (named,) = differences(CARD, other)
    field = "context_length" if "context_length" in str(change) else next(iter(change))
    assert named.startswith(field)


@pytest.mark.parametrize("change", NOT_COVERED.values(), ids=NOT_COVERED)
def test_a_difference_in_what_is_not_covered_is_none(change: Card) -> None:
    assert fingerprint(CARD | change) == fingerprint(CARD)
    assert differences(CARD, CARD | change) == []


@pytest.mark.parametrize("change", [*COVERED.values(), *NOT_COVERED.values()])
def test_cards_agree_exactly_if_dynamo_gives_them_one_checksum(change: Card) -> None:
    core = pytest.importorskip("dynamo._core")

    def checksum(card: Card) -> str:
        # The folder of a card's files, where Dynamo keeps them, is named after its checksum.
        return Path(core.ModelDeploymentCard.from_json_str(json.dumps(card)).local_dir()).name

    same = checksum(CARD) == checksum(CARD | change)
    assert (fingerprint(CARD) == fingerprint(CARD | change)) == same


def test_an_old_prefill_card_agrees_with_a_new_one() -> None:
    old = {name: value for name, value in CARD.items() if name not in ("worker_type", "needs")}
    old["model_type"] = "Prefill"
    new = old | {"worker_type": "prefill", "needs": [["decode"]]}
    assert fingerprint(old) == fingerprint(new)


def test_a_template_counts_by_its_checksum_wherever_it_is() -> None:
    moved = {"hf_chat_template_json": {"is_custom": False, "file": file("/mnt/chat.json", "7")}}
    changed = {"hf_chat_template": {"is_custom": True, "file": file("/models/chat.jinja", "8")}}
    template = CARD | {"chat_template_file": TEMPLATE}
    assert differences(template, CARD | {"chat_template_file": moved}) == []
    assert differences(template, CARD | {"chat_template_file": changed}) == [
        "chat_template_file checksum"
    ]


def test_the_order_of_an_object_s_fields_does_not_matter() -> None:
    one, other = {"router_mode": "k_v", "x": 1}, {"x": 1, "router_mode": "k_v"}
    assert fingerprint({"router_config": one}) == fingerprint({"router_config": other})


def test_true_is_not_the_number_one() -> None:
    one, true = CARD | {"kv_cache_block_size": 1}, CARD | {"kv_cache_block_size": True}
    assert fingerprint(one) != fingerprint(true)
    assert differences(one, true) == ["kv_cache_block_size 1 (theirs: true)"]


def test_a_difference_says_both_values() -> None:
    shorter = CARD | {"runtime_config": {"context_length": 1024}, "worker_type": None}
    assert differences(shorter, CARD) == [
        "context_length 1024 (theirs: 2048)",
        "worker_type none (theirs: aggregated)",
    ]


def test_a_difference_of_files_says_which() -> None:
    other = CARD | COVERED["tokenizer"] | COVERED["an extra file less"] | {"gen_config": None}
    assert differences(CARD, other) == [
        "tokenizer checksum",
        "gen_config a file (theirs: none)",
        "extra_files b.json",
    ]


def test_long_values_are_cut_in_the_middle() -> None:
    folder = "/mnt/models/hub/models--acme--tiny-llm/snapshots/"
    (named,) = differences(CARD | {"source_path": folder + "aa"}, CARD | {"source_path": "b" * 999})
    assert named.startswith("source_path /mnt/models/hub/")
    assert "snapshots/aa (theirs: bbb" in named
    assert len(named) == len("source_path  (theirs: )") + 2 * MAX_VALUE


def test_values_that_look_alike_when_cut_are_not_shown() -> None:
    one, other = ("x" * 50 + digit + "x" * 50 for digit in "12")
    assert differences(CARD | {"source_path": one}, CARD | {"source_path": other}) == [
        "source_path"
    ]


FIELDS = [*covered(CARD), "runtime_config", "model_type", "architectural_max_context_length"]
file_slots = st.fixed_dictionaries({"kind": json_values})
any_cards = st.dictionaries(
    st.sampled_from(FIELDS),
    json_values | file_slots | st.lists(st.fixed_dictionaries({"path": json_values})),
)


@settings(max_examples=50)
@given(any_cards, any_cards)
def test_whatever_a_card_holds_it_has_a_fingerprint_that_differs_as_its_fields_do(
    mine: Card, theirs: Card
) -> None:
    differ = differences(mine, theirs)
    assert bool(differ) == (fingerprint(mine) != fingerprint(theirs))
    assert all(len(text) < 2 * MAX_VALUE + 50 for text in differ)


def test_a_deeply_nested_value_and_half_a_character_are_covered() -> None:
    value: Any = "\ud800"
    for _ in range(190):
        value = [{"a": value}]
    nested = CARD | {"router_config": value}
    assert fingerprint(nested) != fingerprint(CARD)
    assert len(differences(nested, CARD)) == 1


def card_of(
    path: str = "prod/backend/generate/1a", card: Card = CARD, expired_at: float | None = None
) -> ModelCard:
    namespace, component, endpoint, instance, *suffix = path.split("/")
    body: Card = {
        "type": "Model",
        "namespace": namespace,
        "component": component,
        "endpoint": endpoint,
        "instance_id": int(instance, 16),
        "card_json": card,
    }
    if suffix:
        body["model_suffix"] = suffix[0]
    key = b"v1/mdc/" + path.encode()
    record = read(Entry(key, json.dumps(body).encode(), Revision("1"), None, expired_at))
    assert isinstance(record, ModelCard)
    return record


def test_workers_of_one_endpoint_and_model_are_compared() -> None:
    other = card_of("prod/backend/generate/2b", CARD | {"model_type": "Completions | Chat"})
    assert group_of(other) == group_of(card_of())
    assert group_of(other) is not None


@pytest.mark.parametrize(
    "other",
    [
        card_of("other/backend/generate/1a"),
        card_of("prod/other/generate/1a"),
        card_of("prod/backend/other/1a"),
        card_of(card=CARD | {"display_name": "acme/other"}),
        card_of(card=CARD | {"model_type": "Chat"}),
        card_of(card=CARD | {"worker_type": "decode"}),
    ],
    ids=["namespace", "component", "endpoint", "name", "model type", "worker type"],
)
def test_what_a_frontend_serves_apart_is_not_compared(other: ModelCard) -> None:
    assert group_of(other) != group_of(card_of())


def test_a_card_without_a_worker_type_is_compared_with_those_of_the_type_it_means() -> None:
    aggregated, prefill = CARD | {"worker_type": None}, CARD | {"model_type": "Prefill"}
    assert group_of(card_of(card=aggregated)) == group_of(card_of())
    assert group_of(card_of(card=prefill | {"worker_type": None})) == group_of(
        card_of(card=prefill | {"worker_type": "prefill"})
    )


def test_what_no_frontend_compares_has_no_group() -> None:
    lora = CARD | {"display_name": "acme/sql", "lora": {"name": "acme/sql"}}
    conflicting = card_of()
    conflicting = replace(conflicting, conflict="the body names another")
    old = read(Entry(b"mdc/acme_tiny-llm", json.dumps(CARD).encode(), Revision("1"), None, None))
    assert isinstance(old, ModelCard)
    assert group_of(card_of("prod/backend/generate/1a/acme_sql", lora)) is None
    assert group_of(card_of(card={"display_name": 5})) is None
    assert group_of(card_of(expired_at=1.0)) is None
    assert group_of(conflicting) is None
    assert group_of(old) is None


def test_the_demo_s_workers_of_one_role_agree_and_its_roles_are_not_compared() -> None:
    model = DemoModel("acme/tiny-llm", 2048)
    roles = [
        DemoRole(2, "prod", "backend", ("generate",), model, worker_type=worker_type)
        for worker_type in ("prefill", "decode")
    ]
    groups = set()
    for role in roles:
        sums = set()
        for number in (1, 2):
            key, value = demo_records.card(DemoWorker(role, number, "host", 9000, 0.0))
            record = read(Entry(key, value, Revision("1"), None, None))
            assert isinstance(record, ModelCard)
            groups.add(group_of(record))
            sums.add(fingerprint(json.loads(value)["card_json"]))
        assert len(sums) == 1
    assert len(groups) == len(roles)
