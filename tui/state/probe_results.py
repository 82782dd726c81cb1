"""Word the result of a probe that the user asked for. No Textual in here."""

from __future__ import annotations

from collections.abc import Sequence

from backends.dynamo.records import AnyRecord
from backends.probe.types import ProbeAnswer, ProbeResult
from tui.state.reported_removals import Notice
from tui.text.format import count
from tui.text.sanitize import clip, plain

ADDRESS_CELLS = 120


def probe_notice(records: Sequence[AnyRecord], readings: Sequence[ProbeResult]) -> Notice:
    """Return a notice with the worst result; the detail of each record has all of them."""
    if not readings:
        what = count(len(records), "record")
        return Notice(f"Nothing to probe: no address is known for {what}.", "warning")
    failed = [one for one in readings if one.answer.failed]
    worst = (
        failed
        or [one for one in readings if one.answer in (ProbeAnswer.AWAY, ProbeAnswer.UNTRIED)]
        or readings
    )
    first = worst[0]
    result = f"{clip(plain(first.target.address), ADDRESS_CELLS)} {plain(first.text)}"
    addresses = len({one.target for one in readings})
    if addresses > 1:
        bad = len({one.target for one in failed})
        result = f"{count(addresses, 'address')} probed, {bad:,} failed: {result}"
    return Notice(f"{result}.", "warning" if failed else "information")


def nothing_stale_notice(readings: Sequence[ProbeResult] | None, awaited: int = 0) -> Notice:
    """Return the notice that clean up found nothing, and how far it looked. `readings`: of all
    known addresses. None: none is probed. `awaited`: the number of keys whose next renewal
    decides."""
    if readings is None:
        text = "Nothing stale found. No address was probed (--probe never)."
        return Notice(text, "information")
    checked = len({one.target for one in readings})
    untried = len(
        {one.target for one in readings if one.answer in (ProbeAnswer.AWAY, ProbeAnswer.UNTRIED)}
    )
    if untried:
        text = f"{untried:,} of {count(checked, 'address')} could not be asked."
    else:
        text = f"{count(checked, 'address')} checked." if checked else "No address is known."
    if awaited:
        text += f" {count(awaited, 'key')} may be: the next renewal of the lease will show."
    return Notice(f"Nothing stale found. {text}", "information")
