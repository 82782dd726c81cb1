"""What dyntop writes down of itself: in a log when asked to, in one report when it crashes."""

from __future__ import annotations

import logging
import os
import signal
import stat
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.redact import MASK
from backends.store import Misconfigured
from tests.cli.conftest import INSTANCE, Here, folder, here, in_folder, state
from tests.support.operating import dashboard
from tests.support.running import COMMAND, dyntop
from tests.support.terminal import ALTERNATE_SCREEN, CURSOR, Terminal
from tui.runtime.logs import DEFAULT_LIMITS, LAST, LogLimits, Logs, log_options, logging_to
from tui.runtime.redact import masks

__all__ = ["folder", "here", "in_folder", "state"]

SECRET = "s3cret/of joe"
HOSTILE = "a\x1b]52;c;eA==\x07b\nc\u202ed\x9be\udcff"
PLAIN = r"a\x1b]52;c;eA==\x07b\x0ac\u202ed\x9be\udcff"


@pytest.fixture
def logs() -> Iterator[Logs]:
    logs = Logs(masks({"ETCD_AUTH_PASSWORD": SECRET}))
    with logging_to(logs):
        yield logs


def take(logs: Logs, name: str, text: str, *values: object) -> None:
    """As from a logger, but past the tests' own handlers, which fail by it."""
    logs.handle(logging.LogRecord(name, logging.WARNING, "", 0, text, values, None))


def private(path: Path) -> bool:
    return stat.S_IMODE(path.stat().st_mode) == 0o600


# --- what is in it ------------------------------------------------------------------------------


def test_a_command_writes_down_what_it_looked_at_and_how_it_ended(
    here: Here, in_folder: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    assert here("--log", str(log), "list", env=in_folder).code == 0
    lines = log.read_text().splitlines()
    assert "INFO tui.cli.main: dyntop " in lines[0]
    assert "Python 3." in lines[0]
    assert f"the store is file at {in_folder['DYN_FILE_KV']}" in lines[1]
    assert lines[-1].endswith("ended with exit code 0")
    assert private(log)


def test_a_command_that_needs_no_store_has_one_too(here: Here, tmp_path: Path) -> None:
    assert here("history", "--log", str(tmp_path / "log"), "-o", "json").code == 0
    assert "dyntop 0." in (tmp_path / "log").read_text()


def test_removals_and_their_outcomes_are_in_it(
    here: Here, in_folder: dict[str, str], tmp_path: Path
) -> None:
    env = in_folder | {"DYNTOP_LOG": str(tmp_path / "log")}
    ended = here("unregister", "--yes", INSTANCE.decode(), env=env)
    assert ended.code == 0
    assert f"{ended.act} of {INSTANCE.decode()}: removed" in (tmp_path / "log").read_text()
    audit = tmp_path / "state" / "dyntop" / "audit.jsonl"
    assert private(audit)
    assert stat.S_IMODE(audit.parent.stat().st_mode) == 0o700


def test_a_store_that_is_lost_and_comes_back_is_in_it(tmp_path: Path) -> None:
    root, log = tmp_path / "kv", tmp_path / "log"
    root.mkdir()
    command = [*COMMAND, "--file-store", str(root), "--log", str(log)]
    with Terminal(command, env={"XDG_STATE_HOME": str(tmp_path)}) as terminal:
        terminal.wait_for("● connected")
        root.rename(tmp_path / "away")
        terminal.wait_for("disconnected since")
        assert "Traceback" not in terminal.text()
        (tmp_path / "away").rename(root)
        terminal.wait_for("● connected")
        terminal.press("q")
        terminal.wait_for_end()
    notices = [line.split(" ", 1)[1] for line in log.read_text().splitlines()]
    where = f"file at {root}"
    lines = iter(notices)
    # On a busy machine there may be others between them.
    for begins in (
        f"INFO tui.session: the store is {where}",
        f"INFO backends.discovery.discovery: resynced with {where}: ",
        f"WARNING backends.discovery.discovery: lost {where}: ",
        f"INFO backends.discovery.discovery: resynced with {where}: ",
    ):
        assert any(line.startswith(begins) for line in lines), begins
    assert notices[-1].endswith("ended with exit code 0")


def test_an_error_is_in_it_with_its_traceback_and_no_value_of_a_variable(logs: Logs) -> None:
    def fail() -> None:
        held = "v4lue"
        raise KeyError(len(held))

    try:
        fail()
    except KeyError:
        logging.getLogger("tui.x").exception("it failed")
    text = "\n".join(logs.last)
    assert "ERROR tui.x: it failed" in text
    assert "KeyError: 5" in text
    assert "in fail" in text
    assert "'v4lue'" not in text


def test_whatever_is_logged_is_one_plain_line(logs: Logs) -> None:
    take(logs, "backends.x", "key %s", HOSTILE)
    take(logs, HOSTILE, "x")
    first, second = logs.last
    assert first.endswith(f"key {PLAIN}")
    assert f"WARNING {PLAIN}: x" in second


def test_a_line_of_an_error_cannot_be_taken_for_an_entry(logs: Logs) -> None:
    logging.getLogger("tui").error(
        "e", exc_info=ValueError("x\n2026-01-01T00:00:00Z INFO y: z\x1b[")
    )
    entry, *rest = logs.last
    assert entry.endswith("ERROR tui: e")
    assert rest
    for line in rest:
        assert line.startswith("    ")
        assert line.isprintable()


def test_of_what_is_very_long_little_is_written_and_soon(logs: Logs) -> None:
    logging.getLogger("tui").warning("%s", "\u202e://" * 100_000)
    logging.getLogger("tui").error("e", exc_info=ValueError("\n" * 100_000 + "x" * 100_000))
    assert sum(map(len, logs.last)) < 200_000


def test_a_line_that_cannot_be_made_stops_nobody(
    logs: Logs, capsys: pytest.CaptureFixture[str]
) -> None:
    take(logs, "tui", "%d", "no number")
    assert "could not be made" in logs.last[0]
    assert capsys.readouterr() == ("", "")


def test_levels(here: Here, in_folder: dict[str, str], tmp_path: Path) -> None:
    for level, expected in (("error", ""), ("warning", ""), ("info", "INFO ")):
        log = tmp_path / level
        env = in_folder | {"DYNTOP_LOG_LEVEL": level}
        assert here("--log", str(log), "list", env=env).code == 0
        assert (log.read_text() if log.exists() else "")[25:30] == expected
    flag = ("--log-level", "error", "--log", str(tmp_path / "flag"))
    assert here(*flag, "list", env=in_folder | {"DYNTOP_LOG_LEVEL": "debug"}).code == 0
    assert not (tmp_path / "flag").exists()
    ended = here("list", env=in_folder | {"DYNTOP_LOG_LEVEL": "loud"})
    assert ended.code == 2
    assert ended.one_sentence().startswith("DYNTOP_LOG_LEVEL: 'loud' is none of debug, info")


def test_flags_go_before_the_environment() -> None:
    environ = {"DYNTOP_LOG": "/a", "DYNTOP_LOG_LEVEL": "debug"}
    assert log_options(environ, None, None) == ("/a", "debug")
    assert log_options(environ, "/b", "error") == ("/b", "error")
    assert log_options(environ, "", None) == ("", "debug")
    assert log_options({}, None, None) == ("", "info")
    with pytest.raises(Misconfigured):
        log_options({"DYNTOP_LOG_LEVEL": "loud"}, None, None)


# --- what is not in it --------------------------------------------------------------------------

PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----"
SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"


@pytest.mark.parametrize(
    ("environ", "text"),
    [
        ({"ETCD_AUTH_PASSWORD": SECRET}, f"bad password {SECRET}"),
        ({"ETCD_AUTH_PASSWORD": SECRET}, "bad password s3cret%2Fof%20joe"),
        ({"NATS_AUTH_PASSWORD": "joe's s3cret"}, repr('the "joe\'s s3cret"')),
        ({"NATS_AUTH_TOKEN": "s3cret"}, "token=s3cret"),
        ({"NATS_AUTH_NKEY": "SUA-s3cret"}, "seed SUA-s3cret!"),
        ({"NATS_SERVER": "nats://s3cret@n:4222"}, "token s3cret"),
        ({"NATS_SERVER": "a,nats://joe:s3cret@n:4222"}, "password s3cret"),
        ({"DYNTOP_METRICS": "http://joe:s3cret%21@a"}, "password s3cret!"),
        ({"ETCD_AUTH_CLIENT_KEY": PEM}, PEM.splitlines()[1]),
        ({}, f"key {PEM} s"),
        ({}, repr(PEM)),
        ({}, PEM[:60]),
        ({}, f"seed {SEED}"),
        ({}, "GET nats://joe:s3cret@n:4222, http://joe:s3cret@b/x"),
        ({}, "Authorization: Basic am9lOnMzY3JldA=="),
        ({}, "authorization: bearer s3cret.token"),
        ({}, "eyJhbGciOiJFZDI1NTE5In0.eyJqdGkiOiJzM2NyZXQifQ.c2lnbmF0dXJl"),
    ],
)
def test_no_secret_is_in_it(environ: dict[str, str], text: str) -> None:
    masked = masks(environ)(text)
    assert MASK in masked
    for part in ("s3cret", "MIIE", "SUAC", "am9l", "eyJqdGk"):
        assert part not in masked


def test_what_is_no_secret_stays() -> None:
    mask = masks({"ETCD_AUTH_PASSWORD": "abc", "ETCD_AUTH_CA": "/etc/ca.pem", "NATS_SERVER": "n"})
    for text in ("abc", "/etc/ca.pem", "http://a:1/b, c@d", "etcd at https://etcd-0:2379", ""):
        assert mask(text) == text


# --- how it is written --------------------------------------------------------------------------


def test_it_is_rotated_and_all_of_it_is_private(tmp_path: Path, logs: Logs) -> None:
    path = tmp_path / "log"
    logs.begin(str(path), "info", LogLimits(rotate_at=2000, at_a_time=1))
    for number in range(200):
        logging.getLogger("tui").warning("number %d", number)
    logs.close()
    found = sorted(tmp_path.iterdir())
    assert [file.name for file in found] == [
        "log",
        *(f"log.{n}" for n in range(1, DEFAULT_LIMITS.kept + 1)),
    ]
    assert all(private(file) and file.stat().st_size <= 2000 for file in found)
    assert path.read_text().endswith("number 199\n")
    assert len(logs.last) == LAST


def test_it_is_not_written_through_a_symlink(tmp_path: Path, logs: Logs) -> None:
    (tmp_path / "theirs").write_text("theirs")
    (tmp_path / "log").symlink_to(tmp_path / "theirs")
    problems: list[str] = []
    logs.begin(str(tmp_path / "log"), "info")
    logs.report_problem_to(problems.append)
    logging.getLogger("tui").warning("x")
    logs.close()
    assert (tmp_path / "theirs").read_text() == "theirs"
    assert "a symbolic link, which is not followed" in problems[0]


def test_who_logs_does_not_wait_for_a_disk_that_hangs(tmp_path: Path, logs: Logs) -> None:
    release = threading.Event()
    logs.begin(str(tmp_path / "log"), "info", LogLimits(most_waiting=10))
    assert logs._file is not None
    logs._file._append = lambda _: release.wait(30)  # type: ignore[method-assign, assignment]
    for number in range(100):
        logging.getLogger("tui").info("%d", number)
    assert logs._file._missing > 0
    release.set()


def test_one_that_cannot_be_written_is_told_once_and_the_gap_is_in_it(
    tmp_path: Path, logs: Logs
) -> None:
    path, problems, notices = tmp_path / "there" / "log", list[str](), threading.Event()

    def tell(problem: str) -> None:
        problems.append(problem)
        notices.set()

    logs.begin(str(path), "info")
    logs.report_problem_to(tell)
    log = logging.getLogger("tui")
    log.info("one")
    assert notices.wait(30)
    path.parent.mkdir()
    while not path.exists():
        log.info("another")
        time.sleep(0.01)
    logs.close()
    assert problems == [f"the log cannot be written ({path}: no such file or directory)"]
    first, *rest = path.read_text().splitlines()
    assert "lines are missing" in first
    assert "INFO tui: another" in rest[-1]


def test_a_command_says_so_and_does_what_it_was_told(
    in_folder: dict[str, str], tmp_path: Path
) -> None:
    ended = dyntop("--log", "/dev/full", "list", "-o", "name", env=in_folder)
    assert ended.code == 0
    assert INSTANCE.decode() in ended.lines
    assert ended.err == "dyntop: the log cannot be written (/dev/full: not a regular file)\n"


def test_after_a_command_logging_is_as_it_was(here: Here, in_folder: dict[str, str]) -> None:
    def now() -> tuple[object, ...]:
        loggers = (logging.getLogger(), logging.getLogger("tui"), logging.getLogger("backends"))
        levels = [logger.level for logger in loggers]
        return (*levels, list(loggers[0].handlers), threading.excepthook, sys.unraisablehook)

    before = now()
    here("list", env=in_folder)
    assert now() == before


def test_what_fails_in_a_thread_or_unseen_is_logged_and_not_printed(
    logs: Logs, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise RuntimeError("in a thread")

    class Odd:
        def __del__(self) -> None:
            raise RuntimeError("in a finalizer")

    # The tests' own hooks are for what nobody expects.
    thread = threading.Thread(target=fail, name="t")
    thread.start()
    thread.join()
    Odd()
    text = "\n".join(logs.last)
    assert "RuntimeError: in a thread" in text
    assert "RuntimeError: in a finalizer" in text
    assert capsys.readouterr() == ("", "")


# --- a crash ------------------------------------------------------------------------------------

CRASHING = """
import sys
import tui.cli.main, tui.screens.main
def tick(self):
    v4lue = "l0cal of it"
    raise KeyError("b\\x1b]0;x\\x07 s3cret-of-joe")
tui.screens.main.MainScreen._tick = tick
sys.exit(tui.cli.main.main())
"""


def reports(state: Path) -> list[Path]:
    return list((state / "dyntop").glob("crash-*.txt"))


def test_a_crash_of_the_dashboard_is_one_sentence_and_one_file_to_send(tmp_path: Path) -> None:
    env = {
        "XDG_STATE_HOME": str(tmp_path),
        "ETCD_AUTH_PASSWORD": "s3cret-of-joe",
        "NATS_SERVER": "nats://joe:s3cret-too@n",
        "DYNTOP_METRICS": "http://joe:s3cret-three@m",
        "NATS_AUTH_TOKEN": "s3cret-four",
        "NATS_AUTH_NKEY": SEED,
        "ETCD_AUTH_CLIENT_KEY": PEM,
        "TERM": "xterm",
    }
    command = [sys.executable, "-c", CRASHING, "--demo", "--log", str(tmp_path / "log")]
    with Terminal(command, env=env, columns=100, rows=50, may_fail=True) as terminal:
        assert terminal.wait_for_end() == 1
        assert terminal.mode(ALTERNATE_SCREEN) is False
        assert terminal.mode(CURSOR) is True
        assert terminal.echoes()
        shown = terminal.text().replace("\n", "")
    (report,) = reports(tmp_path)
    assert "dyntop: crashed (KeyError): please report it" in shown
    assert str(report) in shown
    assert "Traceback" not in shown
    assert private(report)
    assert stat.S_IMODE(report.parent.stat().st_mode) == 0o700
    text = report.read_text()
    for part in (
        "dyntop 0.",
        "Python 3.",
        "textual 8.",
        "terminal xterm, 100x50",
        "demo = True",
        "in tick",
        r"KeyError: 'b\\x1b]0;x\\x07 ***'".replace("\\\\", "\\"),
        "INFO tui.cli.main: dyntop",
    ):
        assert part in text
    for secret in ("s3cret", SEED, *PEM.splitlines(), "l0cal of it'", "\x1b", "\x07"):
        assert secret not in text + shown + (tmp_path / "log").read_text()


def test_a_crash_of_a_command_is_the_same(
    here: Here, in_folder: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("s3cret-of-joe")

    monkeypatch.setattr("tui.cli.commands.list.run", fail)
    env = in_folder | {"NATS_AUTH_TOKEN": "s3cret-of-joe"}
    ended = here("list", env=env)
    (report,) = reports(tmp_path / "state")
    assert ended.code == 1
    assert ended.one_sentence() == (
        f"crashed (RuntimeError): please report it to dyntop's issue tracker, with {report}"
    )
    assert "RuntimeError: ***" in report.read_text()
    assert "FileConnection" in report.read_text()


def test_of_crash_reports_the_newest_are_kept(
    here: Here, in_folder: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.cli.commands.list.run", lambda *_: 1 / 0)
    folder = tmp_path / "state" / "dyntop"
    folder.mkdir(parents=True)
    for number in range(30):
        (folder / f"crash-20250101-0000{number:02}-1.txt").touch()
    assert here("list", env=in_folder).code == 1
    kept = sorted(path.name for path in reports(tmp_path / "state"))
    assert len(kept) == 20
    assert kept[0] == "crash-20250101-000011-1.txt"
    assert "ZeroDivisionError" in (folder / kept[-1]).read_text()


def test_where_no_report_can_be_written_the_sentence_says_what_to_do(
    here: Here, in_folder: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.cli.commands.list.run", lambda *_: 1 / 0)
    (tmp_path / "state").write_text("in the way")
    assert (
        here("list", env=in_folder)
        .one_sentence()
        .endswith("with the traceback (DYNTOP_DEBUG=1 shows it)")
    )


async def test_a_part_that_fails_is_told_with_its_report_and_the_screen_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    async def fail(*_: object) -> None:
        raise RuntimeError("s3cret of somebody")

    monkeypatch.setattr("backends.liveness.collector.EvidenceCollector.run", fail)
    async with dashboard(may_fail=True) as operator:
        await operator.until(lambda: bool(operator.app._notifications), "it is told")
        (notices,) = operator.app._notifications
        (report,) = reports(tmp_path)
        assert "A fault of dyntop's own (RuntimeError)." in notices.message
        assert str(report) in notices.message
        assert "s3cret" not in notices.message
        assert operator.on_main


async def test_what_textual_itself_gives_up_for_is_a_fault_too_and_is_not_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with dashboard() as operator:
        operator.app.panic("the input cannot be read")
    assert str(operator.app.fault).strip() == "the input cannot be read"
    assert "cannot be read" not in "".join(capsys.readouterr())


def test_a_signal_leaves_the_log_whole(tmp_path: Path) -> None:
    log = tmp_path / "log"
    env = {"XDG_STATE_HOME": str(tmp_path), "DYNTOP_LOG": str(log)}
    with Terminal([*COMMAND, "--demo"], env=env) as terminal:
        terminal.wait_for("● connected")
        terminal.signal(signal.SIGTERM)
        assert terminal.wait_for_end() == 143
    assert log.read_text().endswith("ended with exit code 143\n")
    assert os.listdir(tmp_path) == ["log"]
