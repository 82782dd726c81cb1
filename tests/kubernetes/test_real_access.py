"""Users of the API server with few rights, and what becomes of rights and tokens."""

from __future__ import annotations

import pytest

from tests.support.kubernetes.api import WORKERS, Api, Refused
from tests.support.kubernetes.namespace import LOOKING, KubeNamespace
from tests.support.waiting import wait_for


def _status(api: Api, namespace: str | None) -> int:
    """With which status the server answers a list of workers."""
    try:
        api.list(WORKERS, namespace)
    except Refused as refused:
        return refused.status
    return 200


def test_an_account_may_do_what_its_role_says_in_its_namespace(kube: KubeNamespace) -> None:
    account = kube.account("looks", *LOOKING)
    assert _status(account.api, kube.name) == 200
    assert _status(account.api, None) == 403
    assert account.may("watch", "pods", group="")
    assert not account.may("delete", WORKERS)
    with pytest.raises(Refused, match="cannot create resource"):
        account.api.create(WORKERS, kube.name, kube.worker_body(kube.pod("prod-backend-0"), {}))


def test_rights_are_taken_and_given_while_the_server_runs(kube: KubeNamespace) -> None:
    account = kube.account("looks", *LOOKING)
    account.forbid()
    wait_for(lambda: _status(account.api, kube.name) == 403, "it is forbidden")
    account.allow()
    wait_for(lambda: _status(account.api, kube.name) == 200, "it is allowed")
    account.set_rules(*LOOKING[1:])
    wait_for(lambda: _status(account.api, kube.name) == 403, "it is forbidden")


def test_a_watch_that_is_open_outlives_the_right_to_it(kube: KubeNamespace) -> None:
    account = kube.account("looks", *LOOKING)
    version = account.api.list(WORKERS, kube.name)["metadata"]["resourceVersion"]
    with account.api.watch(WORKERS, kube.name, resourceVersion=version) as events:
        account.forbid()
        wait_for(lambda: _status(account.api, kube.name) == 403, "it is forbidden")
        kube.apply_worker(kube.pod("prod-backend-0"), {"endpoints": {}})
        assert next(events)["type"] == "ADDED"


def test_nobody_may_look_without_a_token_or_with_a_wrong_one(kube: KubeNamespace) -> None:
    server = kube.kubernetes.server
    assert _status(server.api(None), kube.name) == 403
    assert _status(server.api("wrong"), kube.name) == 401


def test_a_token_that_ran_out_is_refused_and_a_new_one_is_not(kube: KubeNamespace) -> None:
    account = kube.account("looks", *LOOKING)
    server = kube.kubernetes.server
    assert _status(server.api(account.token_for(30)), kube.name) == 200
    assert _status(server.api(account.token_for(-1)), kube.name) == 401


def test_a_token_of_a_deleted_account_is_refused(kube: KubeNamespace) -> None:
    account = kube.account("looks", *LOOKING)
    kube.admin.delete("serviceaccounts", kube.name, account.name)
    # Tokens are believed for some seconds after they were checked.
    wait_for(lambda: _status(account.api, kube.name) == 401, "it is refused")


def test_no_token_lasts_less_than_ten_minutes(kube: KubeNamespace) -> None:
    account = kube.account("looks", *LOOKING)
    with pytest.raises(Refused, match="may not specify a duration less than 10 minutes"):
        account.new_token(599)
    assert _status(kube.kubernetes.server.api(account.new_token(600)), kube.name) == 200
