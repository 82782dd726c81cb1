"""What tests of unregistering share."""

from __future__ import annotations

from tests.support.operating import Operator, World
from tests.support.registered import MALFORMED, KeyAndValue, card, channel, instance, source
from tui.dialogs.unregister import UnregisterDialog

WORKER = 0xA7
KEY = instance(WORKER)[0]


def world_of_two() -> World:
    world = World()
    world.put(instance(WORKER), card(WORKER), card(WORKER, lora="acme/sql"), instance(0xB2))
    return world


def world_of_stale() -> World:
    world = World()
    world.put(MALFORMED)
    return world


def dialog(operator: Operator) -> UnregisterDialog:
    assert isinstance(operator.app.screen, UnregisterDialog)
    return operator.app.screen


async def agree(operator: Operator) -> None:
    """Say what the dialog asks for."""
    if dialog(operator).targets.must_be_typed:
        await operator.type(f"{dialog(operator).targets.phrase()}\r")
    else:
        await operator.press("Y")
    await operator.until(
        lambda: not isinstance(operator.app.screen, UnregisterDialog), "the answer taken"
    )


def there(operator: Operator) -> list[str]:
    """The ids of the instances on screen that are not shown as gone."""
    states = operator.rows("state")
    return [
        one for one, state in zip(operator.rows("id"), states, strict=True) if state != "† gone"
    ]


def keys_of(*contents: KeyAndValue) -> set[bytes]:
    return {key for key, _ in contents}


INTERNAL = instance(WORKER, endpoint="worker_kv_query_source_1f")
LIVING = [instance(WORKER), INTERNAL, card(WORKER), channel(0x11), source(0x11, WORKER)]
