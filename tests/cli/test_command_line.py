"""The command line itself: flags, help, usage, and what it imports."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from backends.liveness.gathering import DEFAULT_CAP, Probing
from tests.cli.conftest import Here
from tests.support.etcd_server import EtcdServer
from tests.support.ports import LOOPBACK, free_ports
from tests.support.running import DEADLINE, dyntop, environment
from tui.cli.arguments.commands import build_parser
from tui.config.settings import Settings

COMMANDS = [
    (name,) for name in ("list", "watch", "check", "unregister", "drain", "restore", "history")
]


def test_the_version_is_printed_and_nothing_else() -> None:
    ended = dyntop("--version")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(b"dyntop ")


@pytest.mark.parametrize("command", [(), *COMMANDS])
def test_help_has_examples(command: tuple[str, ...], here: Here) -> None:
    ended = here(*command, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert b"examples:\n  dyntop" in ended.out


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--lease-rate", "-1", "list"), "'-1' is less than 0"),
        (("--lease-rate", "1e400", "list"), "'1e400' is not a finite number"),
        (("wait", "--model", "m", "--timeout", "0"), "'0' is not more than 0"),
        (("wait", "--model", "m", "--timeout", "nan"), "'nan' is not a finite number"),
    ],
)
def test_a_number_that_cannot_be_is_refused_for_what_it_is(
    args: tuple[str, ...], said: str, here: Here
) -> None:
    ended = here(*args)
    assert ended.code == 2
    assert said in ended.one_sentence()


@pytest.mark.parametrize(
    "command",
    [("check", "--host"), ("check", "--model"), ("wait", "--model")],
)
def test_a_name_of_a_variable_that_is_not_set_is_refused_as_empty(
    command: tuple[str, ...], here: Here
) -> None:
    for empty in ("", " "):
        ended = here("--demo", *command, empty)
        assert ended.code == 2
        assert f"{empty!r} is empty: nothing has that name" in ended.one_sentence()


def test_what_the_command_line_says_of_the_dashboard_is_what_the_settings_have() -> None:
    """It imports none of them, since that would cost every run time."""
    parser = build_parser()
    given = parser.parse_args([])
    # Not given, so that `config show` can tell; the help names the defaults.
    assert (given.probing, given.lease_rate) == (None, None)
    text = " ".join(parser.format_help().split())
    assert f"those on screen and of late records (the default), {Probing.ALL}" in text
    assert f"at most (default {DEFAULT_CAP:g})" in text
    assert Settings.from_environment({}).probing is Probing.VISIBLE
    assert [parser.parse_args(["--probe", one]).probing for one in Probing] == list(Probing)
    # A command's own flag of that name is another.
    for args, asked in (
        (["check"], None),
        (["--probe", "all", "check"], None),
        (["check", "--probe"], "connect"),
        (["check", "--probe=deep"], "deep"),
        (["check", "endpoints", "--probe", "-n", "prod"], "connect"),
        (["list", "--probe=deep"], "deep"),
        (["list", "--probe", "deep", "models"], "deep"),
        (["list", "models", "--probe"], "connect"),
        (["drain", "--probe", "never", "1a"], "never"),
        (["unregister", "--stale"], None),
    ):
        assert parser.parse_args(args).probe == asked


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (["show", "--probe", "a1"], {"name": "a1"}),
        (["show", "--probe", "--", "a1"], {"name": "a1"}),
        (["list", "--probe", "endpoints"], {"what": "endpoints", "names": []}),
        (["list", "--probe", "models", "a1", "b2"], {"what": "models", "names": ["a1", "b2"]}),
        (["list", "models", "--probe", "a1"], {"what": "models", "names": ["a1"]}),
        (["check", "--probe", "-n", "prod", "models"], {"what": "models", "namespace": "prod"}),
    ],
)
def test_a_word_behind_probe_that_is_no_value_of_it_is_a_name(
    args: list[str], named: dict[str, object]
) -> None:
    parsed = vars(build_parser().parse_args(args))
    assert parsed["probe"] == "connect"
    assert {name: parsed[name] for name in named} == named


def test_flags_work_before_and_after_the_command(folder: Path, here: Here) -> None:
    where = ["--backend", "file", "--file-store", str(folder), "-n", "prod"]
    before, after = here(*where, "list"), here("list", *where)
    mixed = here("--backend", "file", "list", "--file-store", str(folder))
    assert before.code == after.code == mixed.code == 0
    assert before.out == after.out == mixed.out
    assert b"7d7ba1fd23957b1c" in before.out
    # Read, not only accepted.
    assert not here("-n", "other", "list", *where[:4], "-o", "name").out


@pytest.mark.parametrize(
    "wrong",
    [
        ("list", "--bogus"),
        ("bogus",),
        ("list", "bogus"),
        ("list", "-o", "xml"),
        ("list", "--sort", "no-such"),
        ("list", "--sort=-id"),
        ("list", "--columns", ""),
        ("list", "--columns", "id,,model"),
        ("list", "--columns", "\x1b]0;owned\x07" + "x" * 100_000),
        ("list", "workers", "--columns", "topic"),
        ("list", "-o", "json", "--columns", "id"),
        ("list", "workers", "-o", "yaml", "--no-headers"),
        ("--backend", "zookeeper", "list"),
        ("unregister",),
        ("unregister", "--revision", "1", "v1/a", "v1/b"),
        ("unregister", "v1/instances/\\q"),
        ("drain",),
        # Any other text may be a host's name, and the store tells whether it is.
        ("drain", ""),
        ("drain", ' "" '),
        ("drain", "1", "2"),
        ("restore",),
        ("restore", "--yes", "x"),
        ("restore", "--no-audit", "x"),
        ("--no-audit", "restore", "x"),
        ("history", "-N", "0"),
        ("history", "-N", "-1"),
        ("history", "-n", "prod"),
        ("check", "--probe", "deeper"),
        ("check", "--probe=endpoints"),
        ("show", "--probe", "deep"),
        ("check", "--yes"),
        ("check", "workers"),
        ("watch", "workers"),
        ("watch", "--liveness"),
        ("list", "--yes"),
        ("list", "-n", "p*d"),
        ("list", "-c", "b*d"),
        ("check", "-e", "*g"),
        ("watch", "-t", "kv*-*"),
        ("stats", "-c", "b*d"),
        ("--probe", "sometimes"),
        ("--lease-rate", "-1"),
        ("--lease-rate", "nan"),
        ("--lease-rate", "inf"),
        ("list", "\x1b]0;owned\x07"),
        ("\x1b]0;owned\x07",),
        ("list", "--\x1b]0;owned\x07"),
        ("x" * 100_000,),
        ("--" + "x" * 100_000,),
        ("unregister", "v1/x", "--endpoints", ","),
        ("unregister", "v1/x", "--endpoints", "ftp://localhost"),
        ("unregister", "v1/x", "--endpoints", b"\xff\xfe:\xff"),
        ("unregister", "v1/x", "--file-store", ""),
        ("unregister", "v1/x", "--file-store", "x", "--endpoints", "localhost:1"),
        ("unregister", "v1/x", "--backend", "etcd", "--file-store", "x"),
    ],
)
def test_wrong_usage_is_2_and_one_sentence(wrong: tuple[str | bytes, ...], here: Here) -> None:
    ended = here(*map(os.fsdecode, wrong))
    assert (ended.code, ended.out) == (2, b"")
    ended.one_sentence()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (("chek",), "there is no command 'chek' (did you mean check?); see dyntop --help"),
        (("-n", "prod", "lst"), "there is no command 'lst' (did you mean list?); see"),
        (("nothing-like-it",), "there is no command 'nothing-like-it'; the commands are list, "),
        (
            ("list", "modles"),
            "argument what: 'modles' (did you mean models?) is none of endpoints,",
        ),
        (("list", "end"), "'end' (did you mean endpoints?)"),
        (
            ("list", "-o", "yml"),
            "argument -o/--output: 'yml' (did you mean yaml?) is none of table,",
        ),
        (("--backend", "etdc"), "argument --backend: 'etdc' (did you mean etcd?)"),
        (
            ("check", "--modle", "x"),
            "there is no option --modle (did you mean --model?); see dyntop",
        ),
        (("check", "--modle=x"), "there is no option --modle (did you mean --model?); see"),
        # The word behind it is no command, and none of the kinds.
        (
            ("--endpoint", "http://h:1", "list"),
            "there is no option --endpoint (did you mean --endpoints?); see dyntop --help",
        ),
        (("list", "--namespac", "prod"), "no option --namespac (did you mean --namespace?); see"),
        (("list", "--bogus"), "there is no option --bogus; see dyntop list --help"),
        (("check", "-model", "x"), "there is no option -model (did you mean --model?); see"),
        (("check", "-x"), "there is no option -x; see dyntop check --help"),
        (("drain", "1", "2"), "too many words: 2; see dyntop drain --help"),
        (("check", "-ojsno"), "argument -o/--output: 'jsno' (did you mean json?)"),
    ],
)
def test_a_mistyped_word_is_answered_with_the_one_it_is_like(
    wrong: tuple[str, ...], sentence: str, here: Here
) -> None:
    ended = here(*wrong)
    assert (ended.code, ended.out) == (2, b"")
    assert sentence in ended.one_sentence()


@pytest.mark.parametrize(
    ("env", "named"),
    [
        ({"DYN_DISCOVERY_BACKEND": "kubernetes", "KUBECONFIG": "/missing"}, "/missing"),
        ({"DYN_DISCOVERY_BACKEND": "mem"}, "--demo"),
        ({"DYN_DISCOVERY_BACKEND": "consul"}, "consul"),
        ({"DYNTOP_READ_ONLY": "maybe"}, "DYNTOP_READ_ONLY"),
        ({"ETCD_AUTH_USERNAME": "root"}, "ETCD_AUTH_PASSWORD"),
        ({"ETCD_AUTH_CA": "/missing.pem", "ETCD_ENDPOINTS": "https://127.0.0.1:1"}, "/missing.pem"),
    ],
)
def test_settings_that_cannot_be_used_are_2_and_named(
    env: dict[str, str], named: str, here: Here
) -> None:
    ended = here("unregister", "v1/x", env=env)
    assert ended.code == 2
    assert named in ended.one_sentence()


def test_a_nats_that_is_not_there_is_named_without_its_password() -> None:
    port = free_ports(1)[0]
    env = {"NATS_SERVER": f"nats://u:s3cret@{LOOPBACK}:{port}"}
    ended = dyntop("--backend", "nats", "list", env=env)
    assert ended.code == 3
    assert f"nothing listens at nats://{LOOPBACK}:{port}" in ended.one_sentence()
    assert "s3cret" not in ended.one_sentence()


def test_who_only_looks_needs_no_home(
    in_folder: dict[str, str], here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.getuid", lambda: 4_000_000_000)
    monkeypatch.delenv("HOME", raising=False)
    env = in_folder | {"XDG_STATE_HOME": ""}
    assert here("list", env=env).code == 0
    assert here("check", env=env).code == 0
    for command in (["unregister", "--yes", "v1/x"], ["drain", "--yes", "1"], ["restore", "last"]):
        ended = here(*command, env=env)
        assert (ended.code, ended.out) == (1, b"")
        assert "this user has no home" in ended.one_sentence()
        assert "XDG_STATE_HOME" in ended.err
    ended = here("history", env=env)
    assert ended.code == 0
    assert "this user has no home: set XDG_STATE_HOME" in ended.one_sentence()
    assert here("history", "-o", "json", env=env).out == b"[]\n"


def test_a_fault_of_its_own_is_one_sentence_and_shows_nothing_of_what_was_at_hand() -> None:
    script = (
        "import sys, tui.config.settings, tui.cli.main\n"
        "def fail(*_, **__): raise KeyError('s3cret')\n"
        "tui.config.settings.Settings.from_environment = fail\n"
        "sys.exit(tui.cli.main.main(['list']))"
    )
    for debug in ("", "1"):
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=environment({"DYNTOP_DEBUG": debug}),
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        assert done.returncode == 1
        assert ("Traceback" in done.stderr) == bool(debug)
        if not debug:
            assert done.stderr.startswith("dyntop: crashed (KeyError)")
            assert done.stderr.count("\n") == 1
            assert "s3cret" not in done.stderr


HEAVY = ("textual", "grpc", "asyncinotify", "nats")


def imported(*args: str, env: dict[str, str]) -> set[str]:
    """Which heavy libraries a run imports, in a process of its own."""
    script = (
        "import sys, tui.cli.main\n"
        "tui.cli.main.main(sys.argv[1:])\n"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *args],
        env=environment(env),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=True,
    )
    last = done.stderr.splitlines()[-1]
    return {name for name in HEAVY if f"'{name}'" in last}


def test_a_run_imports_the_chosen_store_only_and_never_the_dashboard(
    in_folder: dict[str, str], etcd: EtcdServer
) -> None:
    assert imported("--version", env={}) == set()
    assert imported("list", "--backend", "memory", env={}) == set()
    assert not imported("list", env=in_folder) & {"textual", "grpc"}
    assert imported("list", env={"ETCD_ENDPOINTS": etcd.endpoint}) == {"grpc"}
    for command in (
        ["list", "workers", "--liveness"],
        ["check", "--probe=deep"],
        ["unregister", "--stale", "--yes"],
        ["drain", "--yes", "1"],
        ["restore", "1"],
    ):
        assert imported(*command, env={"ETCD_ENDPOINTS": etcd.endpoint}) == {"grpc"}, command
    assert imported("history", env={}) == set()


def test_whoever_reads_may_leave() -> None:
    """`dyntop list | head -c 1`, as a shell runs it."""
    for args in (["list", "--demo", "-o", "json"], ["--help"]):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(
            [sys.executable, "-m", "tui", *args],
            env=environment(),
            stdout=writer,
            stderr=subprocess.PIPE,
            timeout=DEADLINE,
            check=False,
        )
        os.close(writer)
        assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_said() -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tui", "list", "--demo"],
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "No space left" in done.stderr


def test_a_command_ends_only_once_all_is_written() -> None:
    """It ends its process itself, without freeing each object first."""
    program = """
import sys, threading, time
from tui.cli.main import main
def late():
    threading.main_thread().join()
    print("written")
threading.Thread(target=late).start()
sys.argv = ["dyntop", "--backend", "memory", "list", "-o", "json"]
sys.exit(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "[]\nwritten\n"
