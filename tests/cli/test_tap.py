"""`dyntop tap`, against a real publisher."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq

from backends.dynamo.registration import EventChannelSpec
from backends.tap import TapLink, TapStanding
from tests.cli.conftest import Here
from tests.support.ports import LOOPBACK
from tests.support.registered import KeyAndValue, source
from tests.support.registering import refusing
from tests.support.running import COMMAND, environment, put_file
from tests.support.waiting import wait_for
from tests.support.wire import frames, removed, stored
from tui.cli.commands.tap import _standing as in_words


def channel(publisher: int, endpoint: str, component: str = "backend") -> KeyAndValue:
    spec = EventChannelSpec(
        namespace="prod",
        component=component,
        topic="kv-events",
        transport="Zmq",
        config={"endpoint": endpoint},
    )
    return spec.entry(publisher)


@pytest.fixture
def publisher() -> Iterator[zmq.Socket[bytes]]:
    context = zmq.Context()
    made = context.socket(zmq.XPUB)
    made.setsockopt(zmq.SNDHWM, 0)
    yield made
    made.close(linger=0)
    context.term()


@pytest.fixture
def folder(tmp_path: Path, publisher: zmq.Socket[bytes]) -> Path:
    """A file store with the channel of one publisher that is there."""
    port = publisher.bind_to_random_port(f"tcp://{LOOPBACK}")
    put_file(tmp_path / "kv", *channel(0x11, f"tcp://{LOOPBACK}:{port}"))
    return tmp_path / "kv"


Tapping = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def tap(in_folder: dict[str, str], publisher: zmq.Socket[bytes]) -> Iterator[Tapping]:
    """Starts `dyntop tap`, and returns once it has subscribed. One that it started before is over
    by then."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*args: str, topic: bytes = b"kv-events") -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [*COMMAND, "tap", *args],
            env=environment(in_folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        started.append(process)
        # What one before it let go is told as well.
        subscribed = b"\x01" + topic
        wait_for(lambda: publisher.poll(0) and publisher.recv() == subscribed, "a subscription")
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_messages_are_lines_and_it_ends_after_so_many(
    tap: Tapping, publisher: zmq.Socket[bytes]
) -> None:
    process = tap("prod/backend/kv-events", "--count", "3", "-o", "json")
    for sequence in range(5):
        publisher.send_multipart(frames([stored(1, 2**63)], sequence=sequence))
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["sequence"] for line in lines] == [0, 1, 2]
    assert lines[0]["channel"].endswith("/kv-events/11")
    assert lines[0]["publisher"] == "5"
    assert lines[0]["summary"] == "stored 2 blocks"
    blocks = lines[0]["payload"][0]["event"]["data"]["stored"]["blocks"]
    assert blocks[1]["block_hash"] == "8000000000000000"
    assert (lines[0]["problem"], lines[0]["raw"]) == (None, None)
    assert b"heard " in err


LONGER = (5, 20, 60)
"""Seconds for which it listens: on a busy machine the first may pass before anything comes."""


def test_fewer_than_were_asked_for_is_1(tap: Tapping, publisher: zmq.Socket[bytes]) -> None:
    for seconds in LONGER:
        process = tap("prod/backend/kv-events", "--count", "3", "--for", str(seconds))
        publisher.send_multipart(frames([removed(1)]))
        out, err = process.communicate(timeout=120)
        assert process.returncode == 1
        if out:
            break
    assert len(out.splitlines()) == 1
    assert b"heard 1 message" in err


@pytest.fixture
def by_a_broker(folder: Path, publisher: zmq.Socket[bytes]) -> list[str]:
    """Keys of two channels of the same place, which a broker passes on."""
    endpoint = publisher.getsockopt_string(zmq.LAST_ENDPOINT).rstrip("\0")
    spec = EventChannelSpec(
        namespace="prod",
        component="shared",
        topic="kv-events",
        transport="ZmqBroker",
        config={"xsub_endpoints": [], "xpub_endpoints": [endpoint]},
    )
    entries = [spec.entry(publisher) for publisher in (0x51, 0x52)]
    for key, value in entries:
        put_file(folder, key, value)
    return [key.decode() for key, _ in entries]


def test_by_a_key_only_its_publisher_is_heard_and_counted(
    tap: Tapping, publisher: zmq.Socket[bytes], by_a_broker: list[str]
) -> None:
    process = tap(by_a_broker[0], "--count", "2", "-o", "json", topic=b"")
    for number, one in enumerate((0x51, 0x52, 0x52, 0x51)):
        publisher.send_multipart(frames([stored(1)], publisher=one, sequence=number))
    out, err = process.communicate(timeout=60)
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["sequence"] for line in lines] == [0, 3]
    assert {line["channel"] for line in lines} == {by_a_broker[0]}
    assert b"2 of other publishers left out" in err


def test_by_a_name_each_message_has_its_own_publishers_channel(
    tap: Tapping, publisher: zmq.Socket[bytes], by_a_broker: list[str]
) -> None:
    process = tap("prod/shared/kv-events", "--count", "3", "-o", "json", topic=b"")
    for one in (0x52, 0x51, 0x99):
        publisher.send_multipart(frames([stored(1)], publisher=one))
    out, err = process.communicate(timeout=60)
    found = [json.loads(line)["channel"] for line in out.splitlines()]
    assert found == [by_a_broker[1], by_a_broker[0], None]
    assert b"left out" not in err


def test_it_ends_where_nothing_can_come_any_more(
    tap: Tapping, publisher: zmq.Socket[bytes]
) -> None:
    process = tap("prod/backend/kv-events")
    publisher.send_multipart([b"kv-events"] * 100)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"cannot be listened to: 127.0.0.1:" in err
    assert b"sends messages of too many parts" in err
    assert b"trying" not in err


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        (TapStanding(TapLink.CONNECTING, since=0.0), ""),
        (
            TapStanding(TapLink.LOST, "NATS ended the connection", since=0.0),
            "NATS ended the connection;",
        ),
        (TapStanding(TapLink.CONNECTED, since=0.0, answers=True), "connected, listening"),
        (
            TapStanding(TapLink.CONNECTED, "a:1 sends no ZMTP greeting within 1 s", since=0.0),
            "connected, nothing published; a:1 sends no ZMTP greeting within 1 s",
        ),
        (
            TapStanding(TapLink.IMPOSSIBLE, "the package zmq is not installed", since=0.0),
            "is not installed",
        ),
    ],
)
def test_how_it_stands_is_said(standing: TapStanding, said: str) -> None:
    text = in_words(standing)
    assert said in text
    assert bool(said) == bool(text)


def test_a_table_is_harmless_and_an_interrupt_ends_it_with_the_count(
    tap: Tapping, publisher: zmq.Socket[bytes]
) -> None:
    process = tap("prod/backend/kv-events")
    assert process.stdout is not None
    publisher.send_multipart(frames([removed(1)], sequence=7))
    publisher.send_multipart(frames("\x1b[31m", sequence=9))
    first, second = process.stdout.readline(), process.stdout.readline()
    assert first.split()[1:3] == [b"5", b"7"]
    assert first.endswith(b"  removed 1 block\n")
    assert b"\\x1b[31m" in second
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"heard 2 messages" in err
    assert b"1 missed" in err
    assert b"Traceback" not in err


def test_a_reader_that_takes_nothing_makes_it_drop_and_does_not_keep_it_from_ending(
    tap: Tapping, publisher: zmq.Socket[bytes]
) -> None:
    for seconds in LONGER:
        process = tap("prod/backend/kv-events", "-o", "json", "--for", str(seconds))
        for sequence in range(20_000):
            publisher.send_multipart(frames([stored(1, 2)], sequence=sequence))
        # Nobody reads: the pipe is full soon.
        process.wait(timeout=120)
        assert process.returncode == 0
        assert process.stderr is not None
        err = process.stderr.read()
        if b"dropped" in err:
            break
    assert b"dropped: the reader was too slow" in err


def test_a_reader_that_goes_ends_it_quietly_even_while_nothing_comes(tap: Tapping) -> None:
    process = tap("prod/backend/kv-events")
    assert process.stdout is not None
    process.stdout.close()
    process.wait(timeout=60)
    assert process.returncode == 141


def test_a_channel_of_several_workers_is_tapped_whole_and_each_line_has_its_worker(
    tap: Tapping, folder: Path, publisher: zmq.Socket[bytes]
) -> None:
    context = zmq.Context()
    other = context.socket(zmq.XPUB)
    try:
        other.setsockopt(zmq.LINGER, 0)
        port = other.bind_to_random_port(f"tcp://{LOOPBACK}")
        put_file(folder, *channel(0x22, f"tcp://{LOOPBACK}:{port}"))
        put_file(folder, *source(0x22, 0x7D7B))
        process = tap("prod/backend/kv-events", "--count", "2", "-o", "json")
        wait_for(lambda: other.poll(0) and other.recv() == b"\x01kv-events", "a subscription")
        publisher.send_multipart(frames([stored(1)], publisher=0x11))
        other.send_multipart(frames([stored(1, 2)], publisher=0x22))
        out, err = process.communicate(timeout=60)
    finally:
        other.close(linger=0)
        context.term()
    lines = {line["publisher"]: line for line in map(json.loads, out.splitlines())}
    assert {one["channel"][-2:] for one in lines.values()} == {"11", "22"}
    assert lines["22"]["worker"] == "7d7b"
    assert b"listens to 2 channels; those that are registered later are not" in err
    assert b"  worker 7d7b publisher 22: 1 message, " in err
    assert b"heard 2 messages" in err


def test_only_messages_that_match_a_filter_are_printed_and_counted(
    tap: Tapping, publisher: zmq.Socket[bytes]
) -> None:
    process = tap("prod/backend/kv-events", "--count", "2", "--filter", "data:removed")
    for sequence in range(4):
        content = removed(sequence) if sequence % 2 else stored(sequence)
        publisher.send_multipart(frames([content], sequence=sequence))
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert [b"removed 1 block" in line for line in out.splitlines()] == [True, True]
    assert b"2 of 4 match the filter" in err


def test_a_name_that_means_several_places_lists_them(
    here: Here, folder: Path, in_folder: dict[str, str]
) -> None:
    put_file(folder, *channel(0x22, f"tcp://{LOOPBACK}:5557", component="other"))
    ended = here("tap", "prod/kv-events", env=in_folder)
    assert ended.code == 2
    assert "matches 2 event channels of several places" in ended.err
    assert "  prod/backend/kv-events\n" in ended.err
    assert "  prod/other/kv-events\n" in ended.err


def test_what_cannot_be_listened_to_is_refused_in_a_sentence(
    here: Here, folder: Path, in_folder: dict[str, str]
) -> None:
    put_file(folder, *channel(0x33, "tcp://0.0.0.0:5557", component="odd"))
    nobody = refusing()
    put_file(folder, *channel(0x44, f"tcp://{nobody}", component="dead"))
    unknown = here("tap", "prod/nothing", env=in_folder)
    assert (unknown.code, "no event channel prod/nothing" in unknown.err) == (1, True)
    odd = here("tap", "prod/odd/kv-events", env=in_folder)
    assert (odd.code, "names no machine" in odd.err) == (1, True)
    for seconds in LONGER:
        dead = here("tap", "prod/dead/kv-events", "--for", str(seconds), env=in_folder)
        assert dead.code == 3
        if "refuses" in dead.err:
            break
    assert f"no connection: {nobody} refuses connections; still trying" in dead.err
    assert here("tap", "x", "--count", "0", env=in_folder).code == 2
