"""What the host does to the dashboard: its clock, its disks, its network, who else is there."""

from __future__ import annotations

import http.server
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import corpus
from tests.cli.conftest import BODY, INSTANCE
from tests.faults.trap import Trap
from tests.support.etcd_places import switch_auth_on
from tests.support.etcd_server import EtcdServer
from tests.support.nats_server import NatsServer
from tests.support.ports import LOOPBACK, listening
from tests.support.registered import MALFORMED
from tests.support.running import COMMAND, STATE, dyntop, environment, put_file
from tests.support.terminal import Terminal
from tui.cli.arguments.commands import build_parser

STATE_ENV = {"XDG_STATE_HOME": STATE.name}
SECRET = "s3cret-of-joe"

# --- the clock ----------------------------------------------------------------------------------

CLOCKED = """
import sys, time
real, setting = time.time, sys.argv.pop(1)
time.time = lambda: real() + float(open(setting).read())
from tui.cli.main import main
sys.exit(main())
"""


def test_the_host_s_clock_set_forward_and_back_by_an_hour_makes_nothing_older(
    tmp_path: Path,
) -> None:
    setting, log, root = tmp_path / "setting", tmp_path / "log", tmp_path / "kv"
    setting.write_text("0")
    file = put_file(root, INSTANCE, BODY)
    ended = threading.Event()

    def keep_alive() -> None:
        """The worker, whose clock is the same."""
        while not ended.wait(0.2):
            now = time.time() + float(setting.read_text() or 0)
            os.utime(file, (now, now))

    worker = threading.Thread(target=keep_alive)
    worker.start()
    command = [sys.executable, "-c", CLOCKED, str(setting), "--file-store", str(root)]
    command += ["--probe", "never", "--log", str(log)]
    try:
        with Terminal(command, env=STATE_ENV) as terminal:
            terminal.press("1")
            terminal.wait_for(lambda text: "● connected" in text and "● live" in text)
            for said, text in (("+3600", "3600"), ("-3600", "0")):
                # At once, since who reads it half written reads nothing.
                (tmp_path / "next").write_text(text)
                (tmp_path / "next").replace(setting)
                terminal.wait_for(lambda _, said=said: f"was set by {said} s" in log.read_text())  # type: ignore[misc]
                terminal.wait_for(is_as_before)
    finally:
        ended.set()
        worker.join()


def is_as_before(text: str) -> bool:
    row = next((line for line in text.split("\n") if "prod/backend/generate" in line), "")
    header = text.split("\n")[0]
    young = re.search(r">(\d+s|\dm)\s", f"{row} ") is not None
    absurd = " old" in header or re.search(r"(?<!\S)([>(]?(59m|1h)|-\d)", text) is not None
    return "● live" in row and young and not absurd


# --- the disk -----------------------------------------------------------------------------------


@pytest.fixture
def full(tmp_path: Path) -> list[str]:
    """Begins a command for which the folder `state` is a disk with no room left."""
    state = tmp_path / "state"
    state.mkdir()
    script = (
        'mount -t tmpfs -o size=16k tmpfs "$0" && { cat /dev/zero > "$0/full" 2>&-; exec "$@"; }'
    )
    wrapped = ["unshare", "--mount", "sh", "-c", script, str(state)]
    try:
        allowed = subprocess.run([*wrapped, "true"], capture_output=True, timeout=60, check=False)
    except FileNotFoundError:
        pytest.skip("there is no unshare here")
    if allowed.returncode != 0:
        pytest.skip(f"no file system may be mounted here: {allowed.stderr.decode().strip()}")
    return wrapped


def test_on_a_full_disk_nothing_is_removed_and_the_dashboard_says_why(
    full: list[str], tmp_path: Path
) -> None:
    file = put_file(tmp_path / "kv", INSTANCE, BODY)
    os.utime(file, (1, 1))  # of a worker that died long ago
    command = [*full, *COMMAND, "--file-store", str(tmp_path / "kv")]
    env = {"XDG_STATE_HOME": full[-1]}
    with Terminal([*command, "--log", f"{full[-1]}/log"], env=env) as terminal:
        terminal.wait_for("○ expired")
        # The log is on the same disk, which is said once and stops nothing.
        terminal.wait_for("The log cannot be written")
        terminal.press("d")
        terminal.wait_for("Unregister 1 instance?")

        def is_answered(text: str) -> bool:
            if "Unregister 1 instance?" in text:
                terminal.press("Y")
            return "Nothing was removed" in text

        text = terminal.wait_for(is_answered)
        assert "no space left" in re.sub(r"\s+", " ", re.sub(r"[▌▐▎│]", " ", text))
    assert file.read_bytes() == BODY
    done = subprocess.run(
        [*full, *COMMAND, "unregister", "--yes", INSTANCE.decode()],
        env=environment(
            env | {"DYN_DISCOVERY_BACKEND": "file", "DYN_FILE_KV": str(tmp_path / "kv")}
        ),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert b"nothing was removed" in done.stderr
    assert b"no space left" in done.stderr
    assert file.read_bytes() == BODY


# --- the network, and who else is on the host ---------------------------------------------------


class _Metrics(http.server.BaseHTTPRequestHandler):
    """A frontend that counts who asks with the right password."""

    asked = 0

    def do_GET(self) -> None:
        if self.headers.get("Authorization", "").startswith("Basic "):
            type(self).asked += 1
        self.send_response(200)
        self.end_headers()
        if self.path == "/metrics":
            self.wfile.write(b'dynamo_frontend_requests_total{model="qwen"} 1\n')

    def log_message(self, format: str, *args: object) -> None:
        """Not on the tests' screen."""


DIALOGS = ("enter", "d", "c", "?", "ctrl+p")
PLACES = (
    ("2", "MODEL▲"),
    ("3", "COMPONENT"),
    ("4", "TOPIC▲"),
    ("7", "resynced"),
    ("1", "! malformed"),
    ("enter", "Esc Close"),
    ("d", "from etcd at"),
    ("c", " stale key"),
    ("?", "keys and signs"),
    ("ctrl+p", "Search"),
    ("5", "COMPONENT▲"),
    ("6", "MODEL▲"),
)
"""Keys, and what stands there then: all tabs, the detail in full, and the dialogs."""


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """The dashboard on etcd with a password, with NATS services, metrics and a tap, a log at its
    most talkative, and a proxy for everything in its environment."""
    folder = tmp_path_factory.mktemp("everything")
    server = http.server.ThreadingHTTPServer((LOOPBACK, 0), _Metrics)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with (
        EtcdServer() as etcd,
        NatsServer("--user", "joe", "--pass", SECRET) as nats,
        Trap() as trap,
    ):
        for entry in next(one for one in corpus.load() if "eventplane-nats" in one.name).entries:
            etcd.etcdctl("put", "--", entry.key.decode(), entry.value.decode())
        # There is something to clean up.
        etcd.etcdctl("put", MALFORMED[0].decode(), input=MALFORMED[1])
        switch_auth_on(etcd, SECRET)
        proxies = ("http_proxy", "https_proxy", "all_proxy", "grpc_proxy")
        env = {
            "XDG_STATE_HOME": str(folder),
            "ETCD_ENDPOINTS": etcd.endpoint,
            "ETCD_AUTH_USERNAME": "root",
            "ETCD_AUTH_PASSWORD": SECRET,
            "NATS_SERVER": nats.url.replace("nats://", f"nats://joe:{SECRET}@"),
            "DYNTOP_METRICS": f"http://joe:{SECRET}@{LOOPBACK}:{server.server_port}",
            "DYNTOP_LOG": str(folder / "log"),
            "DYNTOP_LOG_LEVEL": "debug",
            **dict.fromkeys(proxies, trap.url),
            **dict.fromkeys(map(str.upper, proxies), trap.url),
            "no_proxy": "",
        }
        with Terminal(COMMAND, env=env) as terminal:
            terminal.wait_for("● connected")
            screens = [terminal.text()]
            for keys, shows in PLACES:
                terminal.press(keys)
                terminal.wait_for(shows)
                screens.append(terminal.text())
                if keys in DIALOGS:
                    terminal.press("escape")
                    terminal.wait_until_gone(shows)
            terminal.wait_for(lambda _: _Metrics.asked)
            terminal.press("4")
            terminal.wait_for("TOPIC▲")
            terminal.press("w")
            terminal.wait_for("listening")
            screens.append(terminal.text())
            instance = next(one for one in etcd.entries() if one.startswith(b"v1/instances/"))
            commands = [dyntop("unregister", "--yes", instance.decode(), env=env)]
            commands += [dyntop(name, "-o", "json", env=env) for name in ("history", "stats")]
            yield SimpleNamespace(
                pid=terminal.process.pid,
                trap=trap,
                screens=screens,
                commands=commands,
                audit=folder / "dyntop" / "audit.jsonl",
                log=folder / "log",
            )
            terminal.press("ctrl+c")
            assert terminal.wait_for_end() == 0
        screens.append(terminal.text())
    server.shutdown()
    server.server_close()


def test_the_dashboard_listens_nowhere(everything: SimpleNamespace) -> None:
    assert listening(everything.pid) == set()


def test_no_connection_goes_through_a_proxy(everything: SimpleNamespace) -> None:
    assert everything.trap.connections == 0


def test_no_secret_is_in_what_commands_print_and_write_down(everything: SimpleNamespace) -> None:
    removal, history, _ = everything.commands
    assert (removal.code, history.code) == (0, 0)
    assert removal.act in history.out.decode()
    for ended in everything.commands:
        assert SECRET not in ended.out.decode() + ended.err
    assert removal.act in everything.audit.read_text()
    assert SECRET not in everything.audit.read_text()
    assert everything.audit.stat().st_mode & 0o777 == 0o600


def test_no_secret_is_on_its_command_line_on_its_screens_or_in_its_log(
    everything: SimpleNamespace,
) -> None:
    told = Path(f"/proc/{everything.pid}/cmdline").read_text() + everything.log.read_text()
    assert "tui" in told
    assert "the store is etcd at" in told
    for text in (told, *everything.screens):
        assert SECRET not in text
    assert everything.log.stat().st_mode & 0o777 == 0o600


def test_no_flag_takes_a_secret() -> None:
    words = json.dumps(build_parser().format_help())
    flags = set(re.findall(r"--[a-z-]+", words))
    assert "--endpoints" in flags
    assert not [flag for flag in flags if re.search("pass|secret|token|key|user|cert|nkey", flag)]


@pytest.mark.parametrize("flag", ["--endpoints", "--nats", "--metrics"])
def test_a_url_with_a_password_is_refused_on_the_command_line(flag: str) -> None:
    command = [*COMMAND, flag, f"http://joe:{SECRET}@a:1", "list"]
    done = subprocess.run(command, env=environment(), capture_output=True, timeout=60, check=False)
    assert done.returncode == 2
    assert b"user and password belong in" in done.stderr
    assert SECRET.encode() not in done.stderr
