"""Whom to scrape: what a person gave, and what cards reveal."""

from __future__ import annotations

import json

import pytest

from backends.dynamo.records import ModelCard
from backends.dynamo.registration import ModelSpec
from backends.metrics import scrape_targets
from backends.metrics.scrape_targets import (
    MOST_GIVEN,
    MOST_REVEALED,
    CardTargetFinder,
    ScrapeTarget,
    given,
    is_local,
)
from backends.probe.probe_targets import targets_of
from backends.probe.types import ProbeTarget as Probed
from backends.store import Misconfigured
from tests.support import registered

SECRET = "s3cret"


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("http://frontend-0:8000", "http://frontend-0:8000"),
        ("http://frontend-0:8000/", "http://frontend-0:8000"),
        ("http://frontend-0:8000/metrics", "http://frontend-0:8000"),
        ("https://frontend.prod.svc/metrics/", "https://frontend.prod.svc:443"),
        ("https://gate/prod/metrics", "https://gate:443/prod"),
        ("frontend-0:8000", "http://frontend-0:8000"),
        ("http://[::1]:8081", "http://[::1]:8081"),
        (f"http://joe:{SECRET}@frontend-0", "http://frontend-0:80"),
    ],
)
def test_base_urls_and_metrics_urls_mean_the_same(text: str, base: str) -> None:
    (target,) = given("--metrics", [text])
    assert target.base == base
    assert target.url == f"{base}/metrics"
    assert target.given


@pytest.mark.parametrize(
    "text",
    [
        "ftp://a:1",
        "http://",
        "http://a:99999",
        "http://a b:80",
        "http://a:80/?token=x",
        "http://a:80/x#y",
        "http://0.0.0.0:80",
        "http://a:80/\x1b[2J",
        "http://[::1",
        f"http://joe:{SECRET}@",
        f"http://joe:{SECRET}@a:80?q",
        f"http://joe:{SECRET},x@a:80",
        f"http://joe:x,{SECRET}@a:80",
        f"http://a:80/?token={SECRET}",
        f"joe:{SECRET}",
    ],
)
def test_what_is_no_url_is_refused_without_repeating_a_password(text: str) -> None:
    with pytest.raises(Misconfigured) as raised:
        given("DYNTOP_METRICS", [text])
    assert raised.value.setting == "DYNTOP_METRICS"
    assert SECRET not in str(raised.value)


def test_it_is_said_which_url_is_refused() -> None:
    with pytest.raises(Misconfigured, match="its URL number 2 is not of the form http://host:port"):
        given("--metrics", ["http://a:1,ftp://b:1"])


def test_no_text_of_a_target_has_its_password() -> None:
    (target,) = given("--metrics", [f"http://joe:{SECRET}%21@a:80"])
    assert target.user == "joe"
    assert target.password == f"{SECRET}!"
    assert str(target) == "http://***@a:80"
    for text in (repr(target), target.url):
        assert SECRET not in text
        assert "joe" not in text


def test_urls_come_one_by_one_or_with_commas_and_each_is_asked_once() -> None:
    found = given("--metrics", ["http://a:1, http://b:2", "", "http://a:1/metrics,"])
    assert [target.base for target in found] == ["http://a:1", "http://b:2"]
    assert given("--metrics", [""]) == ()
    with pytest.raises(Misconfigured, match="at most"):
        given("--metrics", [f"http://a:{port}" for port in range(1, MOST_GIVEN + 2)])


def card(number: int, server: str) -> ModelCard:
    """A card whose worker serves its model's files itself."""
    about = {"model_info": {"hf_config_json": {"path": f"{server}/v1/metadata/x/config.json"}}}
    spec = ModelSpec(namespace="prod", component="backend", endpoint="generate", card=about)
    key, value = spec.entry(number)
    json.loads(value)
    record = registered.record((key, value))
    assert isinstance(record, ModelCard)
    return record


def test_cards_reveal_system_servers() -> None:
    cards = [card(1, "http://10.0.0.1:8081"), card(2, "http://10.0.0.1:8081")]
    found = CardTargetFinder(here=False).of([*reversed(cards), card(3, "http://127.0.0.1:8081")])
    assert found.cards == {ScrapeTarget(base="http://10.0.0.1:8081", given=False): cards[0]}
    assert found.number == 1
    assert CardTargetFinder(here=True).of([card(3, "http://127.0.0.1:8081")]).number == 1
    odd = ["https://a:1", "http://a@b:1", "http://a:0", "http://a/b", "http://a:1\\u0000"]
    assert not CardTargetFinder(here=True).of([card(1, server) for server in odd]).number


def test_of_too_many_servers_always_the_same_are_asked_and_all_are_counted() -> None:
    cards = [
        card(number, f"http://10.0.{number // 250}.{number % 250}:81") for number in range(400)
    ]
    found = CardTargetFinder(here=True).of(cards)
    assert (len(found.cards), found.number) == (MOST_REVEALED, 400)
    assert [*CardTargetFinder(here=True).of(reversed(cards)).cards] == [*found.cards]


def test_a_card_is_read_once_while_it_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[ModelCard] = []

    def reading(one: ModelCard) -> tuple[Probed, ...]:
        read.append(one)
        return targets_of(one)

    monkeypatch.setattr(scrape_targets, "targets_of", reading)
    cards, revealing = [card(1, "http://a:1"), card(2, "http://b:1")], CardTargetFinder(here=True)
    assert revealing.of(cards) == revealing.of(cards)
    assert read == cards
    changed = [cards[0], card(2, "http://c:1")]
    assert [one.base for one in revealing.of(changed).cards] == ["http://a:1", "http://c:1"]
    assert read == [*cards, changed[1]]


@pytest.mark.parametrize(
    "host", ["127.0.0.2", "::1", "::ffff:127.0.0.1", "169.254.169.254", "0.0.0.0"]
)
def test_addresses_that_mean_another_machine_everywhere_are_left_out(host: str) -> None:
    assert is_local(host)
    url = f"http://[{host}]:81" if ":" in host else f"http://{host}:81"
    assert not CardTargetFinder(here=False).of([card(1, url)]).number


@pytest.mark.parametrize("host", ["10.0.0.1", "2001:db8::1", "worker-0", "fe80"])
def test_other_addresses_are_not(host: str) -> None:
    assert not is_local(host)
