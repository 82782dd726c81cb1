"""Survey a store for the commands."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from backends.aio.timer import LOOP, Timer
from backends.discovery.discovery import Discovery
from backends.dynamo.queries import Query
from backends.dynamo.records import AnyRecord
from backends.liveness.collector import Probes
from backends.liveness.drain_marks import DrainMark
from backends.liveness.gathering import Probing
from backends.liveness.renewal_wait import RenewalWait
from backends.liveness.survey import Choose, Clock, Survey, survey
from tui.config.settings import Settings
from tui.runtime.standard_streams import print_message
from tui.text.format import count

CONNECT, DEEP, NEVER = "connect", "deep", "never"
"""How to probe, as the commands' `--probe` names it."""


def print_waiting(seconds: float, records: Sequence[AnyRecord]) -> None:
    """Print how long a command waits, and why."""
    print_message(
        f"{count(len(records), 'record')} cannot be reached from this host: waiting up to "
        f"{math.ceil(seconds)} s for the next renewal, which shows whether the worker lives"
    )


async def surveyed(
    settings: Settings,
    discovery: Discovery,
    probes: Probes | None,
    query: Query,
    *,
    probe: str | None,
    choose: Choose | None = None,
    confirm: bool = False,
    wait: RenewalWait | None = None,
    clock: Clock,
    timer: Timer = LOOP,
) -> Survey:
    """Survey as every command does: probe by `--probe`, and read the drains of the audit. Raises
    `StoreError`."""
    return await survey(
        discovery,
        query,
        choose=choose,
        probes=probes,
        deep=probe == DEEP,
        confirm=confirm,
        wait=wait,
        drained=await drained_by(settings, discovery),
        clock=clock,
        timer=timer,
    )


async def drained_by(settings: Settings, discovery: Discovery) -> Mapping[int, DrainMark]:
    """Return by whom workers of a store were drained, as the audit on this machine has it."""
    path = settings.audit_to_read
    # Its files have numbers after their name once they are put away.
    if path is None or not any(path.parent.glob(f"{path.name}*")):
        return {}
    from backends.removal.audit_drains import read_marks
    from tui.cli.shared.audit_file import audit_at

    return await read_marks(audit_at(path), discovery.store.name, discovery.store.address)


def probe_by_default(settings: Settings, wanted: str | None) -> str | None:
    """Return the default probe of a command: `connect` or `deep`. None: it does not probe.
    `wanted`: its own `--probe`; without it the `--probe` before the command counts."""
    if wanted is None:
        wanted = {Probing.NEVER: NEVER, Probing.DEEP: DEEP}.get(settings.probing, CONNECT)
    return None if wanted == NEVER else wanted
