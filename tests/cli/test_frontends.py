"""What `check` and `show` print of what frontends say."""

from __future__ import annotations

import json

from tests.support.etcd_server import EtcdServer
from tests.support.frontends import frontend, listing
from tests.support.registered import card, instance
from tests.support.registering import grant, listening, put, refusing
from tests.support.running import AtTerminal, dyntop
from tui.cli.shared.asked_frontends import asked_frontends
from tui.config.settings import Settings

FAILURES = 'dynamo_frontend_failures_total{class="U",reason="backend.unavailable"} 3'


def put_model(etcd: EtcdServer, model: str, namespace: str = "prod") -> None:
    worker = grant(etcd)
    put(etcd, instance(worker, namespace), worker)
    put(etcd, card(worker, model, None, namespace), worker)


def test_check_finds_a_model_that_the_frontend_does_not_list(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    put_model(etcd, "acme/ours")
    put_model(etcd, "acme/new")
    with frontend("acme/ours", metrics=FAILURES) as url:
        ended = dyntop("check", "--metrics", url, env=in_etcd)
        assert ended.code == 1
        _, row = ended.lines
        assert row.split()[:4] == ["not", "served", "model", "acme/new"]
        assert f"{url} does not list it, since " in row
        assert "all 4 records are live" in ended.err
        assert "frontends do not serve acme/new" in ended.err
        assert "3 backend.unavailable (no worker to take it)" in ended.err

        (found,) = dyntop("check", "-o", "json", env=in_etcd | {"DYNTOP_METRICS": url}).records
        assert (found["kind"], found["model_name"], found["key"]) == ("model", "acme/new", None)
        assert found["verdict"] == "not served"
        assert [one["says"] for one in found["frontends"]] == ["not listed"]

        ended = dyntop("check", "--model", "acme/new", "--metrics", url, env=in_etcd)
        assert ended.code == 1
        told = "model acme/new is not served by the frontends that were asked, routable 1 of 1"
        assert told in ended.err
        assert f"{url} does not list it" in ended.err
        assert dyntop("check", "--model", "acme/ours", "--metrics", url, env=in_etcd).code == 0
    assert dyntop("check", env=in_etcd).code == 0


def test_a_frontend_that_lists_nothing_is_named_since_it_denies_nothing_and_confirms_nothing(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    put_model(etcd, "acme/ours")
    told = "lists no model that shows which namespace it looks at: whether it serves"
    with frontend() as url:
        ended = dyntop("check", "--model", "acme/ours", "--metrics", url, env=in_etcd)
        assert ended.code == 0
        assert f"{url} {told} acme/ours is not known" in ended.err
        put_model(etcd, "acme/more")
        ended = dyntop("check", "--metrics", url, env=in_etcd)
        assert ended.err.count(url) == 1
        assert f"{url} {told} 2 models is not known" in ended.err
    with frontend("acme/ours") as url:
        assert told not in dyntop("check", "--metrics", url, env=in_etcd).err


def test_check_takes_a_frontend_of_another_namespace_or_none_for_no_finding(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    put_model(etcd, "acme/ours")
    put_model(etcd, "acme/theirs", "other")
    gone = f"http://{refusing()}"
    with frontend("acme/ours") as url:
        ended = dyntop("check", "--metrics", f"{url},{gone}", env=in_etcd)
    assert (ended.code, ended.out) == (0, b"")
    # It may be a worker's: it is named once, and not for each model that it may have nothing to do
    # with.
    told = f"{gone}, an address of --metrics, refuses connections: whether it is a frontend is"
    assert told in ended.err
    assert ended.err.count(gone) == 1
    # The two in the order of their names, which have ports of the system's choice.
    (theirs,) = [line for line in ended.err.splitlines() if "acme/theirs" in line]
    assert "of acme/theirs no frontend that watches its namespace was asked: " in theirs
    assert f"{url} watches namespace prod, not this one" in theirs


async def test_a_frontend_that_hangs_is_not_waited_for_without_end() -> None:
    with listening() as address, frontend("acme/ours") as url:
        settings = Settings.from_environment({}, metrics=[f"http://{address},{url}"])
        # The one that hangs is never heard of; the other may be late on a busy machine.
        found = await asked_frontends(settings, lambda: 1.0, longest=0.2)
    hanging = next(one for one in found if one.name == f"http://{address}")
    assert hanging.trouble == "does not answer within 0.2 s"
    assert await asked_frontends(Settings.from_environment({}), lambda: 1.0) == []


def test_show_has_what_each_frontend_says_of_a_model(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    put_model(etcd, "acme/ours")
    put_model(etcd, "acme/new")
    not_ready = 'dynamo_frontend_model_ready{model="acme/new"} 0'
    with frontend("acme/ours", metrics=f"{not_ready}\n{FAILURES}") as url:
        ended = dyntop("show", "acme/new", "--metrics", url, env=in_etcd)
        text = ended.out.decode()
        assert ended.code == 0
        assert "routable 1 of 1" in text
        assert f"{url} reports that it is not ready, since " in text
        assert "3 backend.unavailable (no worker to take it)" in text
        found = dyntop("show", "acme/new", "-o", "json", "--metrics", url, env=in_etcd).records
    assert (found["served"], found["routable"]) == (False, 1)
    assert [one["says"] for one in found["frontends"]] == ["not ready"]
    assert [(one["reason"], one["number"]) for one in found["failures"]] == [
        ("backend.unavailable", 3.0)
    ]
    assert dyntop("show", "acme/new", "-o", "json", env=in_etcd).records["frontends"] is None


def test_show_names_an_address_that_does_not_answer_once_and_as_no_frontend_of_the_model(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    put_model(etcd, "acme/ours")
    gone = f"http://{refusing()}"
    with frontend("acme/ours") as url:
        urls = f"{url},{gone}"
        text = dyntop("show", "acme/ours", "--metrics", urls, env=in_etcd).out.decode()
        assert f"{url} lists it" in text
        assert f"{gone}, an address of --metrics, refuses connections" in text
        assert text.count(gone) == 1
        found = dyntop("show", "acme/ours", "-o", "json", "--metrics", urls, env=in_etcd).records
    assert [one["frontend"] for one in found["frontends"]] == [url]
    assert found["not_asked"] == [{"address": gone, "why": "it refuses connections"}]
    ended = dyntop("show", "acme/ours", "--metrics", gone, env=in_etcd)
    assert "none is known: 1 address of --metrics cannot be asked" in ended.out.decode()
    # What is not known is no denial, as for `check`.
    assert dyntop("check", "--model", "acme/ours", "--metrics", gone, env=in_etcd).code == 0


def is_served(env: dict[str, str], *urls: str) -> set[bool]:
    """Whether `check`, `show` and `wait` call a model served, at these frontends: one answer, if
    they agree."""
    model = "acme/new"
    metrics = [word for url in urls for word in ("--metrics", url)]
    shown = dyntop("show", model, "-o", "json", *metrics, env=env).records["served"]
    checked = dyntop("check", "--model", model, *metrics, env=env).code
    for limit in ("5", "20", "60"):
        # On a busy machine its time may be over before it has looked.
        waited = dyntop("wait", "--model", model, "--timeout", limit, *metrics, env=env)
        if waited.code == 0 or (not shown and "; waiting for 1 worker" in waited.err):
            break
    assert waited.code in (0, 5), waited.err
    return {shown, checked == 0, waited.code == 0}


def test_check_show_and_wait_agree_on_what_is_served_at_the_frontends_that_were_named(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    put_model(etcd, "acme/ours")
    with listening() as address:
        worker = grant(etcd)
        put(etcd, instance(worker, address=address), worker)
        put(etcd, card(worker, "acme/new", None), worker)
        not_ready = 'dynamo_frontend_model_ready{model="acme/new"} 0'
        with (
            frontend("acme/ours", "acme/new") as serving,
            frontend("acme/ours") as other,
            frontend("acme/ours", "acme/new", metrics=not_ready) as waiting,
        ):
            assert is_served(in_etcd, serving) == {True}
            assert is_served(in_etcd, other) == {False}
            assert is_served(in_etcd, waiting) == {False}
            assert is_served(in_etcd, serving, other) == {False}
            # An address that does not answer denies nothing.
            assert is_served(in_etcd, serving, f"http://{refusing()}") == {True}


def test_check_show_and_wait_agree_that_cards_in_conflict_are_not_served_for_certain(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    with listening() as address:
        for length in (1, 2):
            worker = grant(etcd)
            put(etcd, instance(worker, address=address), worker)
            key, value = card(worker, "acme/new", None)
            body = json.loads(value)
            body["card_json"]["context_length"] = length
            put(etcd, (key, json.dumps(body).encode()), worker)
        assert is_served(in_etcd) == {False}


def test_wait_goes_on_until_the_frontend_lists_the_model(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    put_model(etcd, "acme/ours")
    listed = ["acme/ours"]
    with listening() as address, listing(listed) as url:
        worker = grant(etcd)
        put(etcd, instance(worker, address=address), worker)
        put(etcd, card(worker, "acme/new", None), worker)
        arguments = ("wait", "--model", "acme/new", "--metrics", url)
        with AtTerminal(*arguments, env=in_etcd) as waiting:
            waiting.wait_for("waiting for 1 worker at the frontends of --metrics")
            waiting.wait_for(f"{url} does not list it")
            listed.append("acme/new")
            assert waiting.end() == (0, "")
