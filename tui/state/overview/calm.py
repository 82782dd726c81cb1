"""Whether nothing is wrong, as far as it is known. No Textual in here."""

from __future__ import annotations

from backends.dynamo.ids import Kind
from backends.liveness.judge import Verdict
from tui.state.dashboard import Dashboard
from tui.text.format import STATES, State, count
from tui.text.sanitize import plain

FINE = STATES[Verdict.LIVE]
READING = State("◌", "reading", "dim")
NOT_KNOWN = STATES[Verdict.UNKNOWN]
NOTHING_THEN = "nothing that is known"


def all_is_well(dashboard: Dashboard) -> tuple[State, str]:
    """Return the line that stands in place of findings where there are none. It says that nothing
    is wrong only once there is evidence of every record that is shown."""
    view, scope = dashboard.view, dashboard.scope
    number = dashboard.shown.count_all(scope)
    if not number:
        return NOT_KNOWN, dashboard.nothing_to_show()
    if (missing := not_known_yet(dashboard)) is not None:
        state, text = missing
        return state, f"{NOTHING_THEN if dashboard.is_past else 'nothing so far'}: {text}"
    records = count(number, "record")
    of = ", of those that match," if view.narrowed else ""
    all_of = f"all {records}" if number > 1 else "the one record"
    verb = "are" if number > 1 else "is"
    if dashboard.is_past:
        verb = "were" if number > 1 else "was"
    return FINE, f"nothing: {all_of}{of} {verb} live"


def not_known_yet(dashboard: Dashboard) -> tuple[State, str] | None:
    """Return why more than what is shown may be wrong. None: there is evidence of all records."""
    if dashboard.trouble:
        return NOT_KNOWN, f"evidence is missing: {plain(dashboard.trouble)}"
    if dashboard.is_past and (unknown := _unknown(dashboard)):
        verb = "is" if unknown == 1 else "are"
        return NOT_KNOWN, f"{count(unknown, 'record')} {verb} unknown: no leases of then are known"
    read, leases = dashboard.collector.leases_read()
    if read < leases:
        return READING, f"{read:,} of {count(leases, 'lease')} read"
    if unknown := _unknown(dashboard):
        verb = "is" if unknown == 1 else "are"
        return NOT_KNOWN, f"{count(unknown, 'record')} {verb} unknown: no evidence yet"
    return None


def _unknown(dashboard: Dashboard) -> int:
    """Return how many records that are shown have no evidence."""
    view, scope = dashboard.view, dashboard.scope
    if not view.verdicts.unknown or view.only_findings:
        return 0
    if not scope and not view.narrowed:
        return view.verdicts.unknown
    of, shown = view.verdicts.of, dashboard.shown
    return sum(of(key) is Verdict.UNKNOWN for kind in Kind for key in shown.keys(kind, scope))
