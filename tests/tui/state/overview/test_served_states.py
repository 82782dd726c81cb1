"""Whether frontends serve a model is one state wherever it stands: in Models, in both parts of
Overview, and in what `dyntop check` prints."""

from __future__ import annotations

import pytest

from backends.discovery.models import adapter_name
from backends.dynamo.records import ModelCard
from backends.liveness.frontends import FrontendReport
from tests.support.registered import card, instance, record
from tests.tui.state.overview.test_contents import Overviewed
from tui.cli.commands.check import _denied_word
from tui.state.models_tab.row_summaries import RowSummaries
from tui.state.overview.model_lines import ModelLines
from tui.state.overview.wrong_lines import WrongLines
from tui.text.format import State
from tui.text.serving import NOT_SERVED, PARTLY

MODEL, LORA, OTHER = "acme/tiny-llm", "acme/sql", "acme/other"
ALL = {MODEL, LORA, OTHER}


def report(name: str, listed: set[str]) -> FrontendReport:
    of = frozenset(listed)
    return FrontendReport(name, 10.0, listed=of, known=of, first_at=5.0)


def looked_at(*reports: FrontendReport) -> Overviewed:
    """A model with an adapter, and another model, all of which requests reach."""
    shown = Overviewed(
        record(instance(1), lease=1),
        record(card(1, MODEL), lease=1),
        record(card(1, MODEL, LORA), lease=1),
        record(instance(2), lease=2),
        record(card(2, OTHER), lease=2),
    )
    shown.renew(1, 2)
    shown.view.verdicts.serving.observe_frontends(reports)
    shown.view.take_changes()
    return shown


def in_overview(shown: Overviewed) -> dict[object, State]:
    """The states of models and adapters among what is wrong."""
    wrong = WrongLines(shown.dashboard.states)
    wrong.rebuild(())
    return {one.id.of: one.state for one in wrong.worst(10)[0]}


def of_models(shown: Overviewed) -> dict[str, State]:
    """The states of models in the part of Overview that has them all."""
    lines = ModelLines(shown.view)
    lines.rebuild(())
    return {one.name: one.state for one in lines.lines(10)[0]}


def in_models(shown: Overviewed, *key: str) -> str:
    cards = shown.view.cluster.of_type(ModelCard)
    its_own = [one for one in cards if adapter_name(one) == key[-1]]
    return RowSummaries(shown.dashboard).of(key, its_own).state.text


@pytest.mark.parametrize("denied", [MODEL, LORA])
@pytest.mark.parametrize(("by_all", "state"), [(True, NOT_SERVED), (False, PARTLY)])
def test_a_state_by_frontends_is_the_same_everywhere(
    denied: str, by_all: bool, state: State
) -> None:
    rest = ALL - {denied}
    shown = looked_at(report("f0", rest), report("f1", rest if by_all else ALL))
    assert in_overview(shown) == {denied: state}
    assert of_models(shown).get(denied, state) == state
    assert in_models(shown, *dict.fromkeys((MODEL, denied))) == str(state)
    reports = shown.view.verdicts.serving.at_frontends(denied)
    assert reports is not None
    assert _denied_word(reports) == state.word


def test_what_all_frontends_serve_has_no_such_state_anywhere() -> None:
    shown = looked_at(report("f0", ALL), report("f1", ALL))
    assert in_overview(shown) == {}
    assert of_models(shown)[MODEL] not in (NOT_SERVED, PARTLY)
    assert in_models(shown, MODEL) == in_models(shown, MODEL, LORA) == "● live"
