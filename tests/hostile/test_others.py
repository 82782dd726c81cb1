"""What publishers, NATS services, scraped processes and servers say is plain text."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from backends.metrics.parse import NotText, parsed
from backends.metrics.served import listed
from backends.removal.audit.disk import AuditFailed
from backends.services.overview import join
from backends.services.parse import ServiceAnswers
from backends.store import (
    Cause,
    Forbidden,
    KeyNotAllowed,
    Misconfigured,
    NotAuthorised,
    Refused,
    StoreError,
    Unreachable,
)
from backends.tap.decoding import decode, summary
from backends.tap.messages import TapMessage, of_nats, of_zmq
from tests.hostile import strategies
from tests.hostile.corpus import LONG, TEXTS, VALUES
from tests.hostile.plainness import assert_plain, assert_plain_ascii
from tests.hostile.test_dashboard import assert_drawn_plainly
from tests.support.metrics_screen import FRONTEND, SaidScrapes, open_metrics
from tests.support.operating import World, dashboard
from tests.support.registered import channel, source
from tests.support.said_taps import SaidTaps
from tests.support.saying import endpoint, nats_entry, nats_instance, said, scraped
from tests.support.wire import envelope, frames
from tests.tui.test_requests import SaidServices
from tui.cli.commands import stats
from tui.cli.commands import tap as tap_command
from tui.screens.tap import MessageTable, TapScreen
from tui.text.errors import explain, not_written_down

LONGEST = "100 KB of marks"
SHORT = {what: text for what, text in TEXTS.items() if len(text) < LONG}


# --- publishers -----------------------------------------------------------------------------------


class NoChannels:
    """Knows none."""

    channels = ()

    def key_of(self, message: TapMessage) -> None:
        return None

    def worker_of(self, publisher: int | None) -> None:
        return None


def assert_told_plainly(message: TapMessage) -> None:
    channels: Any = NoChannels()
    for output in ("table", "json"):
        assert_plain(line := tap_command._line(message, channels, output))
        assert "\n" not in line
    assert decode(message).summary == summary(message)


@pytest.mark.parametrize("what", TEXTS)
def test_a_message_of_anything_is_a_line(what: str) -> None:
    text = TEXTS[what]
    content = {"worker_id": text, text: [text, {text: text}], "event": {"data": {text: text}}}
    assert_told_plainly(of_nats(text, envelope(content, topic=text), 1.0))
    assert_told_plainly(of_zmq(frames(content, topic=text), 1.0))
    assert_told_plainly(of_nats("s", text.encode(), 1.0))


@pytest.mark.parametrize("what", VALUES)
def test_a_message_that_is_none_is_a_line(what: str) -> None:
    value = VALUES[what]
    assert_told_plainly(of_nats("s", value, 1.0))
    assert_told_plainly(of_zmq([value, value, value, value], 1.0))
    assert_told_plainly(of_nats("s", msgpack.packb({"payload": value, "topic": value}), 1.0))


def test_a_message_nested_deeply_is_a_line() -> None:
    for nested in (b"\x91" * 100_000, b"\x81\xa1a" * 100_000, b"\x91" * 400 + b"\x90"):
        assert_told_plainly(of_nats("s", nested, 1.0))
        assert_told_plainly(of_nats("s", msgpack.packb({"payload": nested}), 1.0))


@settings(max_examples=60)
@given(st.lists(strategies.texts.map(lambda text: text.encode("utf-8", "replace")), max_size=5))
def test_any_frames_are_a_line(parts: list[bytes]) -> None:
    assert_told_plainly(of_zmq(parts, 1.0))


# --- services and scraped processes ---------------------------------------------------------------


@pytest.mark.parametrize("what", VALUES)
def test_an_answer_that_is_none_is_counted(what: str) -> None:
    answers = ServiceAnswers(())
    for value in (VALUES[what], said("stats", endpoint()).replace(b'"two"', VALUES[what])):
        answers.take(value, 1.0)
    answers.scrape(1.0)
    try:
        parsed(VALUES[what], 1.0)
    except NotText as why:
        assert_plain(str(why))
    listed(VALUES[what])


@pytest.mark.parametrize("what", TEXTS)
def test_what_services_say_is_printed_plainly(
    what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = TEXTS[what]
    one = endpoint("prod_backend.generate-1", num_errors=1, last_error=text, data={text: text})
    (usage,) = join(scraped(said("stats", one, version=text)), [nats_instance(1)], {})
    odd = replace(usage, namespace=text, component=text, endpoint=text)
    for output in ("table", "json", "prometheus"):
        stats._print([odd], argparse.Namespace(output=output, interval=None), lambda: 0.0)
        printed = capsys.readouterr().out
        assert_plain(printed)
        if output == "json":
            assert_plain_ascii(printed.encode())


def as_label(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


async def test_what_others_say_is_drawn_plainly() -> None:
    world = World(leases=False)
    world.put(nats_entry(1), channel(0x11), source(0x11, 0x1A))
    told_texts = [*SHORT.values(), TEXTS[LONGEST]]
    told = [
        said(
            "stats",
            endpoint("prod_backend.generate-1", num_errors=1, last_error=text, data={text: text}),
            endpoint(text[:900]),
            id=f"{number}{text[:900]}",
            name=text[:900],
            version=text,
            description=text,
        )
        for number, text in enumerate(told_texts)
    ]
    services, taps = SaidServices(world, *told), SaidTaps(lambda: world.now)
    scrapes = SaidScrapes(FRONTEND)
    scrapes.models[FRONTEND] = dict.fromkeys(map(as_label, SHORT.values()), 4.0)
    scrapes.served[FRONTEND] = frozenset(TEXTS.values())
    async with dashboard(
        world, services=services, taps=taps, scrapes=scrapes, size=(120, 80)
    ) as operator:
        await operator.press("5")
        await operator.until(lambda: operator.pane.rows, "services")
        await operator.type("ljlj")
        for _ in range(2):
            assert_drawn_plainly(operator)
            await operator.press("pagedown")
        metrics = operator.dashboard.figures.metrics
        seldom, metrics.interval = metrics.interval, 0.05
        await open_metrics(operator)
        await operator.until(lambda: len(operator.pane.rows) > len(SHORT) // 2, "models")
        # Each time takes longer than that, and it would never be idle.
        metrics.interval = seldom
        for _ in range(3):
            assert_drawn_plainly(operator)
            await operator.press("pagedown")
        await operator.press("4", "w")
        await operator.until(lambda: isinstance(operator.app.screen, TapScreen) and taps.listening)
        for number, text in enumerate(told_texts):
            taps.said({text: text, "worker_id": text}, number)
        table = operator.app.screen.query_one(MessageTable)
        await operator.until(lambda: len(table.rows) == len(told_texts), "messages")
        assert_drawn_plainly(operator)
        for key in ("enter", "r"):
            await operator.press(key)
            assert_drawn_plainly(operator)
        assert operator.app.is_running


# --- servers' errors ------------------------------------------------------------------------------


def errors(text: str) -> list[StoreError]:
    return [
        *(Unreachable("http://x", cause, text) for cause in Cause),
        NotAuthorised(text, text),
        Forbidden(text, text),
        Refused(text, text),
        Misconfigured(text, text),
        KeyNotAllowed(text.encode(), text),
    ]


@pytest.mark.parametrize("what", [*SHORT, LONGEST])
def test_an_error_of_any_text_is_one_plain_sentence(what: str) -> None:
    for error in errors(TEXTS[what]):
        for store in ("etcd", "file", "nats"):
            sentence = explain(error, store).sentence
            assert sentence.isprintable()
            assert_plain(sentence)
    failed = AuditFailed(Path(TEXTS[what].replace("\0", "")), TEXTS[what])
    assert not_written_down(failed).isprintable()


async def test_what_a_store_complains_of_is_drawn_plainly() -> None:
    world = World()
    async with dashboard(world, size=(100, 20)) as operator:
        for what in ("clicks", "100 KB of lines"):
            text = TEXTS[what]
            world.keyspace.warn(text)
            await operator.until_shown("memory reports: ")
            assert_drawn_plainly(operator)
            world.keyspace.warn()
            world.keyspace.break_off(Refused(text, text))
            await operator.until_shown("disconnected", "memory at")
            assert_drawn_plainly(operator)
            world.keyspace.mend()
            await operator.until_shown("connected")
