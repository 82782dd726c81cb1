"""The Models tab: models by name, open to adapters and cards."""

from __future__ import annotations

import json
from collections.abc import Sequence

from msgspec.structs import replace

from backends.memory import MemoryStore
from backends.store import Resync
from tests.support import registered
from tests.support.metrics_screen import FRONTEND, OTHER, SaidScrapes
from tests.support.operating import Operator, World, dashboard
from tests.support.registered import card, instance
from tui.state.models_tab.model_rows import ModelRow


def world_of_models() -> World:
    world = World()
    world.put(card(1), card(2), card(3, "acme/big"))
    world.put(card(1, lora="acme/sql"), card(2, lora="acme/sql"), card(1, lora="acme/law"))
    world.put(instance(1), instance(2), instance(3))
    return world


def rows(operator: Operator) -> list[str]:
    """Level by indentation, kind and name; a plus where a row is open."""
    return [described(row) for row in operator.pane.rows if not operator.pane.is_faded(row)]


def described(row: ModelRow) -> str:
    what = "  " * row.level + row.kind
    return f"{what} {row.name}" + (" +" if row.opened else "")


def selected(operator: Operator) -> str:
    assert operator.pane.row is not None
    return described(operator.pane.row).strip()


async def test_a_model_is_a_row_with_its_workers_and_adapters_counted() -> None:
    async with dashboard(world_of_models()) as operator:
        await operator.press("2")
        assert rows(operator) == ["model acme/big", "model acme/tiny-llm"]
        assert operator.rows("workers") == ["1", "2"]
        assert operator.rows("loras") == ["", "2"]
        assert operator.tabs()[2] == "Models 2"
        assert "2 models" in operator.header()


async def test_a_model_opens_to_its_adapters_and_cards_and_closes_again() -> None:
    async with dashboard(world_of_models()) as operator:
        await operator.press("2", "j", "l")
        opened = [
            "model acme/big",
            "model acme/tiny-llm +",
            "  LoRA acme/law",
            "  LoRA acme/sql",
            "  card prod/backend/generate",
            "  card prod/backend/generate",
        ]
        assert rows(operator) == opened
        await operator.press("j", "j", "enter")
        assert rows(operator)[3:6] == ["  LoRA acme/sql +", *["    card prod/backend/generate"] * 2]
        assert operator.rows("id")[4:6] == ["1", "2"]
        await operator.press("j", "h")
        assert selected(operator) == "LoRA acme/sql +"
        await operator.press("left")
        assert rows(operator) == opened
        await operator.press("h", "h")
        assert rows(operator) == ["model acme/big", "model acme/tiny-llm"]
        assert selected(operator) == "model acme/tiny-llm"


async def test_what_is_open_stays_open_while_adapters_come_and_go() -> None:
    world = world_of_models()
    async with dashboard(world) as operator:
        await operator.press("2", "j", "l", "j", "j")
        assert selected(operator) == "LoRA acme/sql"
        world.keyspace.delete(card(1, lora="acme/law")[0])
        world.put(card(4, "acme/aaa"), card(4, "acme/aaa", "acme/zzz"))
        await operator.until(lambda: rows(operator)[0] == "model acme/aaa")
        assert rows(operator)[2:4] == ["model acme/tiny-llm +", "  LoRA acme/sql"]
        assert selected(operator) == "LoRA acme/sql"


async def test_the_detail_of_a_model_or_adapter_sums_up_all_of_its_workers() -> None:
    async with dashboard(world_of_models()) as operator:
        await operator.press("2", "j")
        await operator.until(lambda: operator.detail().get("adapters") == "acme/law, acme/sql")
        detail = operator.detail()
        assert detail["aggregated"] == "2/2 routable  ∞ unleased 10.0.0.1, 10.0.0.2"
        assert detail["workers"].split()[:2] == ["1", "10.0.0.1"]
        await operator.press("l", "j")
        await operator.until_shown("LoRA adapter acme/law")
        assert "1/1 routable" in operator.detail()["role unknown"]
        await operator.press("j", "j")
        await operator.until_shown("v1/mdc/prod/backend/generate/1")


def card_of(worker: int, tokens: int, **more: object) -> tuple[bytes, bytes]:
    """A card with this context length."""
    key, value = card(worker)
    body = json.loads(value)
    body["card_json"] |= {"context_length": tokens, **more}
    return key, json.dumps(body).encode()


async def test_in_a_conflict_each_sort_is_shown_and_compared_field_by_field() -> None:
    world = World()
    for worker in (1, 2, 3):
        tokens = 4096 if worker == 3 else 2048
        world.put(instance(worker), card_of(worker, tokens, slug=f"s{tokens}"), lease=worker)
    async with dashboard(world, size=(120, 40)) as operator:
        await operator.press("2")
        await operator.until(lambda: "sorts" in operator.detail())
        assert operator.rows("why") == ["2 sorts of card"]
        await operator.until_shown("1 worker on 10.0.0.3")
        await operator.until_shown("differs in context_length")
        await operator.press("=")
        await operator.until(lambda: not operator.on_main)
        await operator.until_shown("2 of 4 fields differ")
        await operator.until_shown("2 workers, sort ")
        await operator.until_shown("1 field of Dynamo's checksum (as of 1.6.1): a running frontend")
        lines = operator.lines()
        assert [line.split()[:2] for line in lines if line[1:2] in ("≠", "~")][-2:] == [
            ["≠", "context_length"],
            ["~", "slug"],
        ]
        await operator.press("a")
        await operator.until_shown("all 4 fields")
        await operator.until_shown("display_name")
        await operator.press("a", "j", "enter")
        await operator.until_shown("not in Dynamo's checksum")
        await operator.press("escape", "escape")
        await operator.until(lambda: operator.on_main)


async def test_marked_cards_are_compared_and_why_nothing_is_is_said() -> None:
    world = World()
    for worker in (1, 2):
        world.put(instance(worker), card(worker), lease=worker)
    world.put((card(3)[0], registered.MALFORMED[1]), lease=3)
    async with dashboard(world, size=(120, 40)) as operator:
        await operator.press("2", "j", "=")
        await operator.until_shown("no worker set of acme/tiny-llm has")
        await operator.press("l", "j", "space", "=")
        await operator.until_shown("mark another row")
        await operator.press("space", "=")
        await operator.until_shown("0 of 2 fields differ")
        await operator.until_shown("No field of Dynamo's checksum differs")
        await operator.press("q", "g", "space", "=")
        await operator.until_shown("the card of 3 cannot be read")


async def test_enter_on_a_card_opens_its_detail_in_full() -> None:
    async with dashboard(world_of_models()) as operator:
        await operator.press("2", "enter", "j", "enter")
        await operator.until(lambda: not operator.on_main)
        await operator.until_shown("v1/mdc/prod/backend/generate/3")


async def test_an_adapter_without_a_base_card_is_under_the_base_it_names() -> None:
    world = World()
    world.put(card(1, lora="acme/sql"))
    async with dashboard(world) as operator:
        await operator.press("2", "l")
        assert rows(operator) == ["model acme/tiny-llm +", "  LoRA acme/sql"]
        assert operator.rows("workers") == ["–", "1"]
        assert operator.tabs()[2] == "Models 1"


async def test_a_model_says_how_many_of_its_cards_are_not_well() -> None:
    world = World()
    world.put(card(1), lease=1)
    world.put(card(2), card(3))
    async with dashboard(world) as operator:
        await operator.press("2")
        assert operator.rows("state") == ["⊘ 2 orphaned"]


async def test_a_card_that_cannot_be_read_is_listed() -> None:
    world = World()
    world.put((card(1)[0], registered.MALFORMED[1]))
    async with dashboard(world) as operator:
        await operator.press("2", "l")
        assert rows(operator)[0] == "model (unreadable card) +"
        assert len(rows(operator)) == 2
        assert operator.rows("state") == ["! malformed", "! malformed"]


async def test_models_sort_by_every_column_with_their_children_below_them() -> None:
    async with dashboard(world_of_models()) as operator:
        await operator.press("2", "j", "l")
        for _ in operator.pane.table.columns:
            await operator.press("s")
            for _ in range(2):
                await operator.press("S")
                at = rows(operator).index("model acme/tiny-llm +")
                assert rows(operator)[at + 1 : at + 3] == ["  LoRA acme/law", "  LoRA acme/sql"]
                assert selected(operator) == "model acme/tiny-llm +"


async def test_a_filter_leaves_out_no_worker_of_a_model_that_it_shows() -> None:
    """`WORKERS 1` beside `ROUTABLE 2/3` would be two statements about one number."""
    world = World()
    for worker in (1, 2):
        world.put(instance(worker), card(worker), lease=worker)
    world.put(card(3), lease=3)
    async with dashboard(world, size=(150, 30)) as operator:
        await operator.press("2", "exclamation_mark")
        await operator.until(lambda: operator.rows("routable")[:1] == ["2/3"])
        assert operator.rows("workers")[0] == "3"
        assert rows(operator) == ["model acme/tiny-llm +", "  card prod/backend/generate"]


async def test_workers_are_the_ids_that_routers_know() -> None:
    world = World()
    world.put(instance(1), instance(2), card(1), card(2), lease=0x77)
    async with dashboard(world, size=(150, 30)) as operator:
        await operator.press("2")
        await operator.until(lambda: operator.rows("routable") == ["2/2"])
        assert operator.rows("workers") == ["2"]


async def test_a_worker_on_two_endpoints_is_one_worker_in_every_column() -> None:
    world = World()
    world.put(instance(1), card(1), lease=1)
    world.put(instance(1, endpoint="chat"), card(1, endpoint="chat"), lease=1)
    async with dashboard(world, size=(150, 30)) as operator:
        await operator.press("2")
        await operator.until(lambda: operator.rows("routable") == ["1/1"])
        assert operator.rows("workers") == ["1"]
        await operator.until(lambda: "1/1 routable" in operator.detail()["aggregated"])


async def test_the_header_counts_adapters_that_no_request_reaches() -> None:
    world = World()
    for worker in (1, 2):
        world.put(instance(worker), card(worker), lease=worker)
    world.put(card(1, lora="acme/law"), lease=1)
    world.put(card(2, lora="acme/sql"), lease=2)
    async with dashboard(world, size=(150, 30)) as operator:
        await operator.until(lambda: "1 model" in operator.header())
        assert "not served" not in operator.header()
        world.keyspace.delete(instance(2)[0])
        await operator.until(lambda: "1 of 2 LoRAs not served" in operator.header())
        world.keyspace.delete(instance(1)[0])
        both = "1 of 1 model, 2 of 2 LoRAs not served"
        await operator.until(lambda: both in operator.header())


def at_frontends(*served: str, **ready: bool) -> SaidScrapes:
    """A frontend that lists these."""
    scrapes = SaidScrapes(FRONTEND)
    scrapes.served[FRONTEND] = frozenset(served)
    scrapes.ready[FRONTEND] = {name.replace("__", "/"): here for name, here in ready.items()}
    return scrapes


def two_models(namespace: str = "prod") -> World:
    world = World()
    world.put(instance(1), card(1, "acme/big"), lease=1)
    world.put(instance(2, namespace), card(2, namespace=namespace), lease=2)
    return world


async def test_a_routable_model_that_the_frontend_does_not_list_is_not_served_and_says_so() -> None:
    scrapes = at_frontends("acme/big")
    async with dashboard(two_models(), scrapes=scrapes, size=(150, 30)) as operator:
        await operator.press("2", "j")
        await operator.until(lambda: operator.rows("state") == ["● live", "≠ not served"])
        # What is registered is said all the same.
        assert operator.rows("routable") == ["1/1", "1/1"]
        assert operator.rows("why") == ["", "not listed by frontend-0:8000"]
        assert "1 of 2 models not served" in operator.header()
        detail = operator.detail()
        assert detail["aggregated"].startswith("1/1 routable")
        assert detail["frontends"].startswith("http://frontend-0:8000 does not list it, since ")
        assert detail["frontends"].endswith(" or longer")
        scrapes.served[FRONTEND] = frozenset({"acme/big", "acme/tiny-llm"})
        operator.dashboard.figures.metrics.interval = 0.05
        await operator.until(lambda: operator.rows("state") == ["● live", "● live"])
        assert operator.rows("why") == ["", ""]
        assert "not served" not in operator.header()
        await operator.until(lambda: "lists it, since" in operator.detail()["frontends"])
        assert "or longer" not in operator.detail()["frontends"]


async def test_what_no_frontend_serves_is_shown_where_only_findings_are() -> None:
    scrapes = at_frontends("acme/big")
    async with dashboard(two_models(), scrapes=scrapes, size=(150, 30)) as operator:
        await operator.press("2", "exclamation_mark")
        await operator.until(lambda: operator.rows("state")[:1] == ["≠ not served"])
        assert [row for row in rows(operator) if "card" not in row] == ["model acme/tiny-llm +"]
        scrapes.served[FRONTEND] = frozenset({"acme/big", "acme/tiny-llm"})
        operator.dashboard.figures.metrics.interval = 0.05
        await operator.until(lambda: rows(operator) == [])


async def test_what_no_frontend_serves_is_said_before_what_is_wrong_with_some_workers() -> None:
    world = two_models()
    world.put(card(3), lease=3)
    async with dashboard(world, scrapes=at_frontends("acme/big"), size=(150, 30)) as operator:
        await operator.press("2")
        await operator.until(lambda: operator.rows("state") == ["● live", "≠ not served"])
        assert operator.rows("routable")[1] == "1/2"
        assert operator.rows("why")[1] == "not listed by frontend-0:8000, 1 no instance"


async def test_a_model_that_a_frontend_calls_not_ready_is_not_served_there() -> None:
    scrapes = at_frontends("acme/big", "acme/tiny-llm", acme__big=False)
    async with dashboard(two_models(), scrapes=scrapes, size=(150, 30)) as operator:
        await operator.press("2")
        await operator.until(lambda: operator.rows("state") == ["≠ not served", "● live"])
        assert operator.rows("why")[0] == "not ready at frontend-0:8000"
        assert "reports that it is not ready, since " in operator.detail()["frontends"]


async def test_a_frontend_of_another_namespace_is_named_and_says_nothing() -> None:
    scrapes = at_frontends("acme/big")
    async with dashboard(two_models("other"), scrapes=scrapes, size=(150, 30)) as operator:
        await operator.press("2", "j")
        said = "http://frontend-0:8000 watches namespace prod, not this one"
        await operator.until(lambda: operator.detail().get("frontends") == said)
        await operator.until_shown("no frontend that watches its namespace was asked")
        # Until their leases are read, they are not known to live.
        await operator.until(lambda: operator.rows("state") == ["● live", "● live"])
        assert operator.rows("why") == ["", ""]
        assert "not served" not in operator.header()


async def test_a_frontend_that_stops_answering_is_named_and_says_nothing_of_a_model() -> None:
    scrapes = at_frontends("acme/big", "acme/tiny-llm")
    async with dashboard(two_models(), scrapes=scrapes, size=(150, 30)) as operator:
        await operator.press("2")
        await operator.until(lambda: "lists it" in operator.detail().get("frontends", ""))
        scrapes.troubles[FRONTEND] = "refuses connections"
        said = "http://frontend-0:8000 could not be asked: it refuses connections"
        await operator.until(lambda: operator.detail().get("frontends") == said)
        assert operator.rows("why") == ["", ""]


async def test_an_address_that_never_answered_is_not_called_a_frontend_of_a_model() -> None:
    scrapes = at_frontends("acme/big", "acme/tiny-llm")
    scrapes.given = (OTHER, FRONTEND)
    scrapes.troubles[OTHER] = "refuses connections"
    scrapes.troubles[FRONTEND] = "refuses connections"
    async with dashboard(two_models(), scrapes=scrapes, size=(150, 30)) as operator:
        await operator.press("2")
        said = "none is known: 2 addresses of --metrics cannot be asked"
        await operator.until(lambda: operator.detail().get("frontends") == said)
        assert not any("frontend" in why for why in operator.rows("why"))
        del scrapes.troubles[FRONTEND]
        await operator.until(lambda: "lists it" in operator.detail().get("frontends", ""))
        assert str(OTHER) not in operator.text()


async def test_of_two_frontends_one_that_does_not_list_a_model_serves_it_in_part() -> None:
    scrapes = at_frontends("acme/big")
    scrapes.given = (FRONTEND, OTHER)
    scrapes.served[OTHER] = frozenset({"acme/big", "acme/tiny-llm"})
    async with dashboard(two_models(), scrapes=scrapes, size=(150, 30)) as operator:
        await operator.press("2", "j")
        await operator.until(lambda: operator.rows("state") == ["● live", "◐ partly served"])
        await operator.until_shown("http://frontend-1:8000 lists it, since")
        assert "not served" not in operator.header()
        # `check` exits with 1 for it.
        assert "1 of 2 models partly served" in operator.header()
        await operator.press("exclamation_mark")
        assert operator.rows("state") == ["◐ partly served", "● live"]


async def test_only_findings_and_a_filter_leave_what_is_not_served_and_matches() -> None:
    async with dashboard(
        two_models(), scrapes=at_frontends("acme/big"), size=(150, 30)
    ) as operator:
        await operator.press("2")
        await operator.until(lambda: operator.rows("state") == ["● live", "≠ not served"])
        await operator.press("exclamation_mark")
        found = ["model acme/tiny-llm +", "  card prod/backend/generate"]
        assert rows(operator) == found
        await operator.type("/tiny\r")
        assert rows(operator) == found
        assert operator.rows("state")[0] == "≠ not served"
        assert operator.tabs()[2] == "Models 1"
        await operator.press("escape")
        await operator.type("/big\r")
        assert rows(operator) == []
        hides = "Nothing here matches “big” and is not live: ! shows live records, too; Esc"
        await operator.until_shown(hides)
        await operator.press("exclamation_mark")
        assert rows(operator)[0] == "model acme/big +"


async def test_what_is_registered_comes_before_what_a_frontend_lists() -> None:
    world = two_models()
    world.keyspace.delete(instance(2)[0])
    scrapes = at_frontends("acme/big", "acme/tiny-llm")
    async with dashboard(world, scrapes=scrapes, size=(150, 30)) as operator:
        await operator.press("2", "j")
        await operator.until(lambda: "lists it, since" in operator.detail().get("frontends", ""))
        assert operator.detail()["frontends"].endswith(
            "it lists all registered models, and no worker is routable"
        )
        assert operator.rows("routable") == ["1/1", "0/1"]
        assert operator.rows("why")[1].startswith("1 no instance")


async def test_failures_by_reason_are_one_line_with_numbers_and_rate() -> None:
    scrapes = at_frontends("acme/big", "acme/tiny-llm")
    scrapes.failing[FRONTEND] = {"acme/big": 2.0}
    async with dashboard(two_models(), scrapes=scrapes, size=(150, 30)) as operator:
        operator.dashboard.figures.metrics.interval = 0.05
        await operator.press("2")
        await operator.until(lambda: "a second now" in operator.detail().get("failures", ""))
        line = operator.detail()["failures"]
        assert line.startswith("http://frontend-0:8000, of all models since it started: ")
        assert "backend.unavailable (no worker to take it), 2.0 a second now" in line


class OnlyCardsRead(MemoryStore):
    """As an etcd of which this user may read the cards alone."""

    async def snapshot(self, prefixes: Sequence[bytes]) -> Resync:
        found = await super().snapshot(prefixes)
        cards = tuple(one for one in found.entries if one.key.startswith(b"v1/mdc/"))
        return replace(found, entries=cards, unread="no permission to read v1/instances/")


async def test_where_instances_may_not_be_read_it_is_not_known_how_many_are_routable() -> None:
    world = World()
    for worker in (1, 2, 3):
        world.put(instance(worker), card(worker), lease=worker)
    store = OnlyCardsRead(world.keyspace)
    async with dashboard(world, store=store, size=(150, 30)) as operator:
        await operator.press("2")
        await operator.until(lambda: operator.rows("routable") == ["?/3"])
        assert operator.rows("why")[0].startswith("3 unknown: cannot read all keys")
        await operator.until(lambda: "?/3 routable" in operator.detail()["aggregated"])
        assert operator.detail()["serving"].startswith("3 unknown: this user may not read all")
        assert "not served" not in operator.header()


async def test_of_a_card_that_cannot_be_read_it_is_not_known_whether_it_is_served() -> None:
    world = World()
    world.put((card(1)[0], b"{"), lease=1)
    async with dashboard(world, size=(150, 30)) as operator:
        await operator.press("2")
        await operator.until(lambda: operator.rows("state") == ["! malformed"])
        assert operator.rows("routable") == ["–"]
        assert "not served" not in operator.header()


async def test_a_model_of_which_a_filter_finds_an_adapter_alone_has_its_detail() -> None:
    world = World()
    world.put(instance(0xA7), card(0xA7), card(0xA7, lora="acme/sql"), lease=0xA7)
    async with dashboard(world) as operator:
        await operator.press("slash")
        await operator.type("kind:lora\r2")
        await operator.until(lambda: "acme/tiny-llm" in (operator.at("name") or ""))
        await operator.until(lambda: "aggregated" in operator.detail(), "the model's detail")
        assert "1/1 routable" in operator.detail()["aggregated"]
