"""The world that the documents speak of: an etcd, a worker, what another one left, and a shell."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zmq

from backends.recording.entry_lines import delete_line
from backends.recording.lines import AliveLine
from backends.store import Delete, Entry, Revision
from tests.docs.documents import REFERENCE, ROOT, in_toml
from tests.recording.frames import START, beginning, packed, written
from tests.support.etcd_server import EtcdServer
from tests.support.nats_server import NatsServer
from tests.support.registered import card, channel, instance, source
from tests.support.registering import put, refusing
from tests.support.running import COMMAND, environment
from tests.support.starter import OURS, starter
from tests.support.terminal import Terminal
from tests.support.wire import frames, stored

WORKER = 0x7D7BA1FD2395771F
"""The id that the documents use. Its process accepts connections."""
PUBLISHER = 0x2B
GONE = 0xDEAD
ACT = "20261121-134501-3f2a"
"""The id of a removal in the documents: stands for the last one that was printed."""
DEADLINE = 120.0

ONLY_PLANNED = re.compile(r"^(\w+=(\"[^\"]*\"|\S+) )*make ")
"""`make` runs the tests, or for an hour: it is asked what it would do."""

_IS_SHOWN = re.compile(r"● (connected|demo)| RECORDING ")
_COMMANDS = re.compile(
    r"\b(list|show|diff|watch|record|report|check|wait|stats|tap|unregister|drain|restore|history|events|doctor|completion)\b"
    r"|--version|--help"
)
_IS_PLAIN = re.compile(r"^dyntop( [^|&;<>$*?~`]+)?$")
"""A command without anything for a shell to do but to split it into words."""
_OF_SHELL = ("PATH", "WORKER")
_ASKS_FOR_ID = re.compile(r"Type ([0-9a-f]+) to drain")
_ASKS = "Remove it? [y/N]"


@dataclass
class World:
    """What the commands of one document act on."""

    env: dict[str, str]
    folder: Path
    replaced: dict[str, str]
    """Names that the documents make up, and what they stand for."""

    def run(self, command: str, code: int) -> None:
        """Run a command line as a person in a shell. Raises AssertionError for another code."""
        if ONLY_PLANNED.match(command):
            planned = command.replace("make ", "make -n ", 1)
            self._run(planned, code, cwd=ROOT)
            return
        for made_up, real in self.replaced.items():
            command = command.replace(made_up, real)
        if not _COMMANDS.search(command) and command.startswith("dyntop"):
            self._open(command)
        elif command.startswith("dyntop watch") or " --watch" in command:
            self._follow(command)
        elif command.startswith("dyntop record"):
            self._record(command)
        elif re.match(r"dyntop (drain|unregister) (?!.*--(yes|dry-run))", command):
            self._answer(command, code)
        else:
            self._run(command, code, cwd=self.folder)

    def _run(self, command: str, code: int, cwd: Path) -> None:
        fast = starter(environment())
        if fast is not None and _IS_PLAIN.match(command) and fast.can_start(self._of_command):
            with chdir(cwd):
                words = shlex.split(command)[1:]
                ended, _, err = fast.run(words, self._of_command, DEADLINE)
            assert ended == code, f"{command}\n{err.decode()}"
            self._keep_act(err.decode())
            return
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=cwd,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        assert done.returncode == code, f"{command}\n{done.stdout}\n{done.stderr}"
        self._keep_act(done.stderr)

    @property
    def _of_command(self) -> dict[str, str]:
        """Return what a command reads of the environment: not the names of the shell."""
        base = environment()
        return {name: value for name, value in self.env.items() if name not in _OF_SHELL} | {
            name: base[name] for name in _OF_SHELL if name in base
        }

    def _open(self, command: str) -> None:
        """Start the dashboard, wait until it shows the store, and quit."""
        with self.at_terminal(command) as terminal:
            terminal.wait_for(lambda text: _IS_SHOWN.search(text))
            terminal.press("q")
            assert terminal.wait_for_end() == 0

    def at_terminal(self, command: str, columns: int = 120, rows: int = 40) -> Terminal:
        """Run a command line at a terminal."""
        if _IS_PLAIN.match(command):
            words = [*COMMAND, *shlex.split(command)[1:]]
            env = {name: value for name, value in self.env.items() if name.startswith(OURS)}
            with chdir(self.folder):
                return Terminal(words, columns=columns, rows=rows, env=env)
        words = self._in_folder(command)
        return Terminal(words, columns=columns, rows=rows, env=self.env)

    def _in_folder(self, command: str) -> list[str]:
        """Return a shell's command line: what it writes must not land in the repository."""
        return ["bash", "-c", f"cd {shlex.quote(str(self.folder))} && exec {command}"]

    def _follow(self, command: str) -> None:
        """Read what it prints up to the end of what there is, and interrupt it."""
        following = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        giving_up = threading.Timer(DEADLINE, following.kill)
        giving_up.start()
        with following:
            assert following.stdout is not None
            events = iter(following.stdout.readline, "")
            assert any(json.loads(line)["event"] == "resync" for line in events)
            following.send_signal(signal.SIGINT)
            following.stdout.read()
            assert following.wait(DEADLINE) == 130
        giving_up.cancel()

    def _record(self, command: str) -> None:
        """Wait until it has all that is registered, and interrupt it."""
        recording = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        giving_up = threading.Timer(DEADLINE, recording.kill)
        giving_up.start()
        with recording:
            assert recording.stderr is not None
            assert recording.stderr.readline().startswith("dyntop: recording")
            recording.send_signal(signal.SIGINT)
            recording.stderr.read()
            assert recording.wait(DEADLINE) == 0
        giving_up.cancel()

    def _answer(self, command: str, code: int) -> None:
        """Say yes to each question at a terminal."""
        with self.at_terminal(command, columns=200, rows=60) as terminal:
            while terminal.process.poll() is None:
                terminal.wait_for(
                    lambda text: (
                        (last := text.rstrip()).endswith(_ASKS)
                        or _ASKS_FOR_ID.search(last.splitlines()[-1] if last else "")
                        or terminal.process.poll() is not None
                    )
                )
                text = terminal.text().rstrip()
                last = text.splitlines()[-1] if text else ""
                if asked := _ASKS_FOR_ID.search(last):
                    terminal.type(f"{asked[1]}\n")
                elif last.endswith(_ASKS):
                    terminal.type("y\n")
                terminal.wait_for(
                    lambda shown, before=text: (  # type: ignore[misc]
                        shown.rstrip() != before or terminal.process.poll() is not None
                    )
                )
            assert terminal.wait_for_end() == code, terminal.text()
            self._keep_act(terminal.text())

    def _keep_act(self, said: str) -> None:
        if found := re.search(r"dyntop restore (\S+)", said):
            self.replaced[ACT] = found[1]


@contextmanager
def made_world(etcd: EtcdServer, nats: NatsServer, folder: Path) -> Iterator[World]:
    """Register what the documents speak of. Ends what it started."""
    with _accepting() as (pid, address), _publishing() as port:
        _register(etcd, address, port)
        store = folder / "kv"
        (store / "v1").mkdir(parents=True)
        home = folder / "home"
        replaced = {
            "http://etcd-0:2379": etcd.endpoint,
            "https://etcd-0:2379": etcd.endpoint,
            "https://etcd-1:2379": etcd.endpoint,
            "nats://nats-0:4222": nats.url,
            "nats://n0": nats.url,
            "http://frontend-0:8000": f"http://{refusing()}",
            "/data/dynamo_kv": str(store),
            "10.0.0.7:9000": address,
        }
        _write_contexts(home / ".config" / "dyntop", replaced)
        reports = home / ".local" / "state" / "dyntop"
        reports.mkdir(parents=True)
        (reports / "crash-1.txt").write_text("an old report")
        _record(folder / "night.dyntop")
        env = environment(
            {
                "ETCD_ENDPOINTS": etcd.endpoint,
                "HOME": str(home),
                "NATS_SERVER": nats.url,
                "PATH": f"{_program(folder / 'bin')}:{os.environ['PATH']}",
                "TERM": "xterm-256color",
                "WORKER": str(pid),
            }
        )
        for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "COLUMNS", "LINES"):
            env.pop(name, None)
        yield World(env, folder, replaced)


def _record(path: Path) -> None:
    """Write the recording of the documents: a worker whose lease ran out."""
    entries = [Entry(*instance(WORKER), Revision("3"), WORKER)]
    gone = Delete(entries[0].key, "4")
    written(
        path,
        [
            packed(
                [
                    *beginning(entries, revision="3"),
                    delete_line(gone, START + 60),
                    AliveLine(at=START + 1200),
                ]
            )
        ],
    )


def _program(folder: Path) -> Path:
    """Make the `dyntop` that is under test; returns its folder."""
    folder.mkdir()
    script = folder / "dyntop"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m tui "$@"\n')
    script.chmod(0o755)
    if shutil.which("zstd") is None:
        unpacks = folder / "zstd"
        unpacks.write_text(
            f"#!{sys.executable}\n"
            f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
            "from tests.support.recordings import unpacked\n"
            "sys.stdout.buffer.write(unpacked(open(sys.argv[-1], 'rb').read()))\n"
        )
        unpacks.chmod(0o755)
    return folder


def _write_contexts(folder: Path, replaced: dict[str, str]) -> None:
    """Write the contexts of the documents."""
    (text,) = (one for one in in_toml(REFERENCE / "settings.md") if "[contexts.lab]" in one)
    for made_up, real in replaced.items():
        text = text.replace(made_up, real)
    folder.mkdir(parents=True)
    (folder / "settings.toml").write_text(text)


@contextmanager
def _accepting() -> Iterator[tuple[int, str]]:
    """A process that accepts connections; its pid and address."""
    program = (
        "import socket, time\n"
        "listener = socket.create_server(('127.0.0.1', 0))\n"
        "print(listener.getsockname()[1], flush=True)\n"
        "while True:\n    time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.pid, f"127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.communicate()


@contextmanager
def _publishing() -> Iterator[int]:
    """A ZMQ publisher of KV events; its port."""
    context: zmq.Context[Any] = zmq.Context()
    ended = threading.Event()
    publisher = context.socket(zmq.PUB)
    publisher.linger = 0
    port = publisher.bind_to_random_port("tcp://127.0.0.1")

    def publish() -> None:
        for sequence in range(1_000_000):
            if ended.wait(0.05):
                break
            publisher.send_multipart(frames(stored(1), publisher=PUBLISHER, sequence=sequence))
        publisher.close()

    publishing = threading.Thread(target=publish)
    publishing.start()
    try:
        yield port
    finally:
        ended.set()
        publishing.join()
        context.term()


def _register(etcd: EtcdServer, address: str, port: int) -> None:
    """Register the worker under a lease of its id, and what another one left."""
    asked = json.dumps({"TTL": "600", "ID": str(WORKER)}).encode()
    etcd_alone = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    revoke = json.dumps({"ID": str(WORKER)}).encode()
    for call, body in (("revoke", revoke), ("grant", asked)):
        request = urllib.request.Request(f"{etcd.endpoint}/v3/lease/{call}", body)
        try:
            etcd_alone.open(request, timeout=DEADLINE).close()
        except urllib.error.HTTPError:
            assert call == "revoke"  # there was none of an earlier document
    for registered in (
        instance(WORKER, address=address),
        card(WORKER),
        channel(PUBLISHER, host="127.0.0.1", port=port),
        source(PUBLISHER, WORKER),
    ):
        put(etcd, registered, WORKER)
    put(etcd, card(GONE, "acme/old"))
