"""What came of probing because a person asked for it, in a sentence. No Textual in here."""

from __future__ import annotations

from collections.abc import Sequence

from backends.probe.types import Answer, Reading
from backends.records import AnyRecord
from tui.plain import clip, plain
from tui.removals import Told
from tui.words import count

ADDRESS_CELLS = 120


def probed(records: Sequence[AnyRecord], readings: Sequence[Reading]) -> Told:
    """The worst that was found; the detail of each record has it all."""
    if not readings:
        what = count(len(records), "record")
        return Told(f"Nothing to probe: no address is known for {what}.", "warning")
    failed = [one for one in readings if one.answer.failed]
    worst = failed or [one for one in readings if one.answer is Answer.UNTRIED] or readings
    first = worst[0]
    told = f"{clip(plain(first.target.address), ADDRESS_CELLS)} {plain(first.text)}"
    addresses = len({one.target for one in readings})
    if addresses > 1:
        bad = len({one.target for one in failed})
        told = f"{count(addresses, 'address')} probed, {bad:,} failed: {told}"
    return Told(f"{told}.", "warning" if failed else "information")
