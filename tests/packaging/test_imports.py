"""What is imported when: a library needs no dashboard, and nobody a client that was not chosen."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from tests.support.programs import clean_environment

ROOT = Path(__file__).parents[2]

MODULES = sorted(
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for file in (ROOT / "backends").rglob("*.py")
)
STORES_WITH_CLIENTS = (
    "backends.etcd",
    "backends.file",
    "backends.kubernetes",
    "backends.nats",
    # Imported once that store is chosen.
    "backends.doctor.etcd",
    "backends.doctor.kubernetes",
)
WITHOUT_CLIENTS = [module for module in MODULES if not module.startswith(STORES_WITH_CLIENTS)]

DASHBOARD = {"textual", "rich", "tui"}
ETCD = {"grpc", "google.protobuf"}
CLIENTS = ETCD | {
    "asyncinotify",
    "nats",
    "zmq",
    "msgpack",
    "aiohttp",
    "yaml",
    "prometheus_client",
}

FORKING = """
import json, os, sys, asyncio, pydantic
import pydantic.functional_validators, pydantic._internal._generate_schema
exec(sys.argv[1])
for statement in json.load(sys.stdin):
    child = os.fork()
    if child == 0:
        sys.stdout = open(os.devnull, "w")
        exec(statement)
        sys.__stdout__.write(json.dumps([*sys.modules]) + "\\n")
        sys.__stdout__.flush()
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        sys.exit(f"it failed: {statement}")
"""
"""Executes each statement in a process of its own, and prints what is imported by then.

All processes begin with pydantic, which most of them need: it takes longer than all the rest.
"""


def imported_after(*statements: str, before: str = "") -> list[set[str]]:
    """For each statement all modules that a process has once it was executed, behind one that all
    of them begin with."""
    done = subprocess.run(
        [sys.executable, "-c", FORKING, before],
        cwd=ROOT,
        env=clean_environment(),
        input=json.dumps(statements),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return [set(json.loads(line)) for line in done.stdout.splitlines()]


@cache
def named_in(module: str) -> frozenset[str]:
    """What a module's own text imports as it is imported, by all names that it may be known by."""
    path = ROOT.joinpath(*module.split("."))
    file = path.with_suffix(".py") if not path.is_dir() else path / "__init__.py"
    return frozenset(_imports(ast.parse(file.read_bytes()).body))


def _imports(body: Iterable[ast.AST]) -> Iterator[str]:
    for node in body:
        match node:
            case ast.Import(names=names):
                yield from (one.name for one in names)
            case ast.ImportFrom(module=module, names=names, level=0):
                yield module or ""
                yield from (f"{module}.{one.name}" for one in names)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                pass  # when it is called
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=otherwise):
                yield from _imports(otherwise)
            case _:
                yield from _imports(ast.iter_child_nodes(node))


def imported_with(module: str) -> set[str]:
    """All that is imported with a module, and by what it imports of ours."""
    found: set[str] = set()
    new = {module}
    while new:
        found |= new
        # With a module all packages above it are imported.
        above = {".".join(one.split(".")[:n]) for one in new for n in range(1, one.count(".") + 1)}
        new = {name for one in new & {*MODULES} for name in named_in(one)} | above
        new -= found
    return found


def test_a_module_of_the_library_imports_nothing_of_the_dashboard() -> None:
    found = {module: imported_with(module) & DASHBOARD for module in MODULES}
    assert {module: names for module, names in found.items() if names} == {}


def test_a_module_that_is_no_store_imports_no_store_s_client() -> None:
    found = {module: imported_with(module) & CLIENTS for module in WITHOUT_CLIENTS}
    assert {module: names for module, names in found.items() if names} == {}


def test_only_an_unusual_value_imports_what_checks_it_in_full() -> None:
    assert "pydantic" not in imported_with("backends.dynamo.parse")
    assert "pydantic" in imported_with("backends.dynamo.full_parse")


def test_what_is_imported_is_found_through_other_modules() -> None:
    """As Python has it: else the two above would find nothing whatever there was."""
    assert "grpc" in imported_with("backends.etcd.store")
    assert "grpc" not in named_in("backends.etcd.store")
    assert "nats" not in imported_with("backends.connections")
    assert list(_imports(ast.parse("try:\n from a.b import c\nexcept E:\n import d").body)) == [
        *("a.b", "a.b.c", "d"),
    ]


def test_the_modules_were_found() -> None:
    assert {"backends", "backends.dynamo.keys", "backends.memory", "backends.demo.cluster"} <= set(
        MODULES
    )


def test_saying_the_version_imports_nothing_but_the_command_line() -> None:
    program = "import sys; from tui.cli.main import main; main(['--version']); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.append({str(ROOT)!r}); {program}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found = set(done.stdout.split("\n", 1)[1].split())
    ours = {name for name in found if name.split(".")[0] in ("tui", "backends")}
    assert ours == {
        "tui",
        "tui.cli",
        "tui.cli.main",
        "tui.cli.help_examples",
        "tui.cli.arguments",
        "tui.cli.arguments.bounds",
        "tui.cli.arguments.changing",
        "tui.cli.arguments.commands",
        "tui.cli.arguments.compared",
        "tui.cli.arguments.flags",
        "tui.cli.arguments.looking",
        "tui.cli.arguments.parser",
        "tui.cli.arguments.values",
        "tui.config",
        "tui.config.log_levels",
    }
    others = {name.split(".")[0] for name in found - ours} - sys.stdlib_module_names
    # What puts an installed program on the path is loaded by Python itself.
    assert {name for name in others if "finder" not in name} <= {"__main__", "_distutils_hack"}


ASKING = {
    "backends.tap",
    "backends.metrics.scraper",
    "backends.probe.prober",
    "backends.services.scraper",
}

LISTING = "from tui.cli.main import main; main({flags} + ['list', 'all'])"
OPENING = """
from tui.session import open_session
from tui.config.settings import Settings
async def look():
    async with open_session(Settings.from_environment({{}}, no_audit=True, **{settings})):
        pass
asyncio.run(look())
"""


def test_only_the_client_of_the_chosen_store_is_imported(tmp_path: Path) -> None:
    nobody = "http://127.0.0.1:1"
    chosen: list[tuple[dict[str, str], list[str], set[str]]] = [
        ({"backend": "memory"}, ["--backend", "memory"], set()),
        ({"file_store": str(tmp_path)}, ["--file-store", str(tmp_path)], {"asyncinotify"}),
        ({"endpoints": nobody}, ["--endpoints", nobody], ETCD),
    ]
    listing = imported_after(*(LISTING.format(flags=flags) for _, flags, _ in chosen))
    opening = imported_after(
        *(OPENING.format(settings=settings) for settings, _, _ in chosen), before="import tui.app"
    )
    for (_, _, clients), listed, opened in zip(chosen, listing, opening, strict=True):
        assert listed & CLIENTS <= clients
        assert not listed & {"textual", "tui.app"}
        assert opened & CLIENTS <= clients


def test_listing_imports_nothing_that_asks_anybody_but_the_store() -> None:
    (found,) = imported_after(LISTING.format(flags=["--backend", "memory"]))
    assert not found & ASKING
    assert "argcomplete" not in found


def test_a_tab_imports_nothing_that_asks_anybody_but_the_store_or_that_removes() -> None:
    tab = "from tests.support.completing import offered; offered('dyntop --backend memory {}')"
    for found in imported_after(*(tab.format(words) for words in ("show ", "drain ", "-n "))):
        assert "argcomplete" in found
        assert "backends.memory" in found
        assert not found & (ASKING | {"backends.liveness.collector", "backends.removal.removals"})
