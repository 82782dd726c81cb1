"""Whom to scrape: what a person gave, and what cards reveal."""

from __future__ import annotations

import json

import pytest

from backends.metrics.targets import MOST_GIVEN, MOST_REVEALED, Target, given, revealed
from backends.records import ModelCard
from backends.specs import ModelSpec
from backends.store import Misconfigured
from tests import registered

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
    ],
)
def test_what_is_no_url_is_refused_without_repeating_a_password(text: str) -> None:
    with pytest.raises(Misconfigured) as raised:
        given("DYNTOP_METRICS", [text])
    assert raised.value.setting == "DYNTOP_METRICS"
    assert SECRET not in str(raised.value)


def test_no_text_of_a_target_has_its_password() -> None:
    (target,) = given("--metrics", [f"http://joe:{SECRET}%21@a:80"])
    assert target.user is not None
    assert target.user.get_secret_value() == "joe"
    assert target.password is not None
    assert target.password.get_secret_value() == f"{SECRET}!"
    assert str(target) == "http://***@a:80"
    for text in (repr(target), target.url, target.model_dump_json(), str(target.model_dump())):
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
    found = revealed([*cards, card(3, "http://127.0.0.1:8081")], here=False)
    assert found == {Target(base="http://10.0.0.1:8081", given=False): cards[0]}
    assert len(revealed([card(3, "http://127.0.0.1:8081")], here=True)) == 1
    odd = ["https://a:1", "http://a@b:1", "http://a:0", "http://a/b", "http://a:1\\u0000"]
    assert not revealed([card(1, server) for server in odd], here=True)


def test_cards_reveal_no_more_than_a_bounded_number() -> None:
    cards = (
        card(number, f"http://10.0.{number // 250}.{number % 250}:81") for number in range(400)
    )
    assert len(revealed(cards, here=True)) == MOST_REVEALED
