"""What frontends say of models, beside what is registered."""

from __future__ import annotations

from typing import Any

import pytest

from backends.dynamo.records import AnyRecord, EndpointInstance, ModelCard
from backends.liveness.frontends import FrontendReport, ModelStatus
from backends.liveness.serving import Serving
from tests.support import registered
from tests.support.registered import record

OURS, THEIRS, BOTH = "acme/ours", "acme/theirs", "acme/both"


def serving(*models: tuple[str, str, str | None]) -> Serving:
    """Models, each with its namespace and perhaps an adapter, on a worker that is routable."""
    found = Serving()
    for worker, (model, namespace, adapter) in enumerate(models, 1):
        put(found, record(registered.instance(worker, namespace)))
        put(found, record(registered.card(worker, model, None, namespace)))
        if adapter is not None:
            put(found, record(registered.card(worker, model, adapter, namespace)))
    found.take_changes()
    return found


def put(found: Serving, one: AnyRecord) -> None:
    if isinstance(one, ModelCard):
        found.put_card(one, dead=False)
    elif isinstance(one, EndpointInstance):
        found.put_instance(one, dead=False)


def report(name: str, *listed: str, **more: Any) -> FrontendReport:
    told = frozenset(listed) | frozenset(more.get("ready", ()))
    values = {"listed": frozenset(listed), "known": told, "first_at": 5.0, **more}
    return FrontendReport(name, 10.0, **values)


def sayings(found: Serving, name: str) -> dict[str, ModelStatus]:
    said = found.at_frontends(name)
    assert said is not None
    return {one.frontend: one.status for one in said.reports}


def test_a_routable_model_that_no_frontend_of_its_namespace_lists_is_not_served_by_them() -> None:
    found = serving((OURS, "prod", None), ("acme/new", "prod", None))
    assert found.observe_frontends([report("f0", OURS)]) == {OURS, "acme/new"}
    said = found.at_frontends("acme/new")
    assert said is not None
    (denial,) = said.denied_by
    assert (denial.frontend, denial.status) == ("f0", ModelStatus.NOT_LISTED)
    assert (denial.since, denial.or_longer) == (5.0, True)
    assert said.is_denied
    assert (found.denied, found.unserved) == ({"acme/new"}, set())
    # What is registered is said all the same.
    model = found.model("acme/new")
    assert model is not None
    assert (str(model.figures), model.is_served) == ("1/1", True)
    # Another one of the namespace that serves it is enough not to call it unserved.
    assert found.observe_frontends(
        [report("f0", OURS), report("f1", OURS, "acme/new", since={"acme/new": 7.0})]
    ) == {OURS, "acme/new"}
    assert found.denied == set()
    said = found.at_frontends("acme/new")
    assert said is not None
    assert [one.frontend for one in said.denied_by] == ["f0"]
    assert [
        (one.since, one.or_longer) for one in said.reports if one.status is ModelStatus.LISTED
    ] == [(7.0, False)]


def test_a_model_that_a_frontend_calls_not_ready_is_not_served_by_it_listed_or_not() -> None:
    found = serving((OURS, "prod", None))
    for listed in ((OURS,), ()):
        found.observe_frontends([report("f0", *listed, ready={OURS: False}, since={OURS: 8.0})])
        assert sayings(found, OURS) == {"f0": ModelStatus.NOT_READY}
        assert found.denied == {OURS}
    found.observe_frontends([report("f0", OURS, ready={OURS: True})])
    assert sayings(found, OURS) == {"f0": ModelStatus.LISTED}
    assert found.denied == set()


def test_a_frontend_of_another_namespace_says_nothing_of_a_model_and_is_named_as_such() -> None:
    found = serving((OURS, "prod", None), (THEIRS, "other", None))
    found.observe_frontends([report("f0", OURS)])
    said = found.at_frontends(THEIRS)
    assert said is not None
    assert sayings(found, THEIRS) == {"f0": ModelStatus.ELSEWHERE}
    assert said.reports[0].looks_at == ("prod",)
    assert (said.only_elsewhere, said.is_denied, said.denied_by) == (True, False, ())
    assert found.denied == set()


def test_of_a_model_in_two_namespaces_a_frontend_speaks_for_its_own_only() -> None:
    found = serving((OURS, "prod", None), (BOTH, "prod", None), (BOTH, "other", None))
    found.observe_frontends([report("f0", OURS)])
    said = found.at_frontends(BOTH)
    assert said is not None
    assert sayings(found, BOTH) == {"f0": ModelStatus.NOT_LISTED}
    assert not said.is_denied
    assert found.denied == set()


@pytest.mark.parametrize(
    ("mute", "why"),
    [
        (report("f0", trouble="refuses connections"), "could not be asked: it refuses connections"),
        (report("f0", listed=None), "did not return its list of models"),
        (report("f0"), "lists no model that shows which namespace it looks at"),
        (report("f0", "acme/seen", lists_more=True), "lists more models than are kept"),
    ],
)
def test_a_frontend_that_could_not_be_asked_says_nothing(mute: FrontendReport, why: str) -> None:
    found = serving((OURS, "prod", None), ("acme/seen", "prod", None))
    found.observe_frontends([mute])
    assert sayings(found, OURS) == {"f0": ModelStatus.UNKNOWN}
    said = found.at_frontends(OURS)
    assert said is not None
    assert said.reports[0].trouble == why
    assert found.denied == set()


def test_an_address_that_was_never_seen_to_be_a_frontend_says_nothing_of_any_model() -> None:
    found = serving((OURS, "prod", None))
    silent = report("http://10.0.0.9:9090", trouble="refuses connections", was_seen=False)
    found.observe_frontends([silent])
    said = found.at_frontends(OURS)
    assert said is not None
    assert (said.reports, said.is_denied, said.only_elsewhere) == ((), False, False)
    assert found.frontends == (silent,)
    found.observe_frontends([silent, report("f0", OURS)])
    assert sayings(found, OURS) == {"f0": ModelStatus.LISTED}


def test_an_adapter_is_a_name_that_frontends_list_too() -> None:
    found = serving((OURS, "prod", "acme/sql"))
    found.observe_frontends([report("f0", OURS)])
    assert (found.denied, found.denied_adapters) == (set(), {"acme/sql"})
    assert found.observe_frontends([report("f0", OURS, "acme/sql")]) == {"acme/sql"}
    assert found.denied_adapters == set()


def test_what_is_denied_follows_what_is_registered() -> None:
    found = serving((OURS, "prod", None))
    found.observe_frontends([report("f0", OURS)])
    assert found.denied == set()
    new = record(registered.card(7, "acme/new"))
    put(found, new)
    assert found.denied == {"acme/new"}
    found.discard_card(new.key)
    assert found.denied == set()
    assert found.at_frontends("acme/new") is None
    assert found.observe_frontends([]) == {OURS}
    assert found.at_frontends(OURS) is None
