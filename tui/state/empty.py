"""The text of a table without rows, and the reason why the view does not follow the store."""

from __future__ import annotations

from tui.actions import DEFAULT_KEYS, Keys
from tui.state.cluster_view import ClusterView
from tui.state.store_state import LinkState, StoreState
from tui.state.watchdog import Trouble
from tui.text.host_clock import ShownAt, as_it_is
from tui.text.timestamps import time_of_day

NO_FIGURES_THEN = "Figures are not kept: none of then are known"
"""In the past."""

_TROUBLES = {
    Trouble.UNSHOWN: "changes of {store} are not taken in",
    Trouble.SILENT: "{store} sends nothing, not even a sign of life",
    Trouble.ENDED: "the watch of {store} ended",
    Trouble.FAILED: "a fault of dyntop's own while following {store}",
}


def nothing_to_show(
    view: ClusterView,
    store: str,
    namespace: str | None,
    keys: Keys = DEFAULT_KEYS,
    beside: str = "",
) -> str:
    """Return the text of a table without rows. `store`: its name and address. `beside`: which other
    namespaces may be meant."""
    if not view.complete:
        if view.store.link is LinkState.DISCONNECTED:
            return f"Not connected to {store}: trying again"
        if view.store.link is LinkState.NOT_UPDATING:
            return f"Nothing of {store} is shown: it is read again"
        if view.frozen:
            return f"Frozen before anything was read: {keys.shown('freeze')} lets it go on"
        return f"Reading {store} …"
    if view.narrowed:
        return filtered_text(view, keys, "No findings here, by the evidence so far")
    if view.cluster.records:
        return "None here"
    of = in_namespace(namespace)
    if beside:
        return f"Nothing is registered{of}; {beside}"
    return f"Nothing is registered{of} yet: workers show up here when they start"


def in_namespace(namespace: str | None) -> str:
    """Return the namespace to which all is limited, to continue a sentence. Empty: none."""
    return f" in namespace {namespace}" if namespace else ""


def filtered_text(view: ClusterView, keys: Keys, all_well: str) -> str:
    """Return the text of a table whose rows are all hidden by the filter or by showing findings
    only: which of the two, and the key that shows them. `all_well`: if there is no finding."""
    findings = keys.shown("not-live")
    if not view.is_searched:
        return f"{all_well}: {findings} shows everything"
    if not view.only_findings:
        return f"Nothing here matches “{view.filter}”: Esc clears the filter"
    return (
        f"Nothing here matches “{view.filter}” and is not live: {findings} shows live records, "
        "too; Esc clears the filter"
    )


def why_not_updating(
    state: StoreState, store: str, now: float, shown_at: ShownAt = as_it_is
) -> str:
    """Return why the view does not follow the store, and when it reads everything again."""
    if state.trouble is None:
        return ""
    again = "everything is being read again"
    if state.again_at > now:
        again = f"everything is read again at {time_of_day(shown_at(state.again_at))}"
    return f"{_TROUBLES[state.trouble].format(store=store)}: {again}"
