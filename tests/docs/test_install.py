"""dyntop installs on a node without internet, from a folder of wheels, as the README says.

The folder is made without internet, too: the setuptools that is installed here builds dyntop's
wheel, and each dependency is packed again from what is installed here. Not tried: `pip wheel`
fetching dependencies from an index.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.tags import parse_tag, sys_tags
from packaging.utils import canonicalize_name

from tests.docs.documents import README, ROOT, blocks
from tests.support.programs import clean_environment

NAME = "dyntop"
PACKAGES = ("backends", "tui")
MAN_PAGE = "docs/dyntop.1"
DEADLINE = 300.0
OFFLINE = ("--no-index", "--find-links")
LEFT_OUT = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}
"""Written when a wheel is installed, and no part of it."""


def requirements(
    name: str, extras: frozenset[str] = frozenset()
) -> set[tuple[str, frozenset[str]]]:
    """Return what a distribution needs here, each with its extras."""
    found: set[tuple[str, frozenset[str]]] = set()
    for text in metadata.requires(name) or ():
        one = Requirement(text)
        wanted = [{"extra": extra} for extra in (*extras, "")]
        if one.marker is None or any(one.marker.evaluate(about) for about in wanted):
            found.add((canonicalize_name(one.name), frozenset(one.extras)))
    return found


def dependencies() -> set[str]:
    """Return all that dyntop needs to run, and what these need."""
    waiting = list(requirements(NAME))
    found: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += requirements(*one)
    return {name for name, _ in found}


def pack(name: str, folder: Path) -> Path:
    """Make a wheel of an installed distribution; leaves out its scripts, which pip makes anew."""
    distribution = metadata.distribution(name)
    assert distribution.files is not None
    about = distribution.read_text("WHEEL")
    assert about is not None
    written = {tag for line in re.findall(r"^Tag: (.+)$", about, re.M) for tag in parse_tag(line)}
    tag = next(tag for tag in sys_tags() if tag in written)
    start = f"{distribution.name.replace('-', '_')}-{distribution.version}"
    (own,) = {path.parts[0] for path in distribution.files if path.name == "WHEEL"}
    record = []
    wheel = folder / f"{start}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w") as packed:
        for path in distribution.files:
            if ".." in path.parts or "__pycache__" in path.parts or path.name in LEFT_OUT:
                continue
            content = Path(str(path.locate())).read_bytes()
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
            record.append(f'"{path}",sha256={digest.decode()},{len(content)}')
            packed.writestr(str(path), content)
        record.append(f"{own}/RECORD,,")
        packed.writestr(f"{own}/RECORD", "\n".join(record) + "\n")
    return wheel


def run(*command: str | Path, cwd: Path) -> str:
    """Run to the end, without any index. Returns standard output."""
    done = subprocess.run(
        command,
        cwd=cwd,
        # Neither this repository nor what a user's settings say may help.
        env=clean_environment(PYTHONPATH="", PIP_NO_INDEX="1", PIP_CONFIG_FILE="/dev/null"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels of dyntop and of all that it needs."""
    source = tmp_path_factory.mktemp("source")
    # A build leaves files behind, which must not land in the repository.
    (source / "docs").mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", MAN_PAGE):
        shutil.copy(ROOT / name, source / name)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    folder = tmp_path_factory.mktemp("wheels")
    build = (sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation")
    run(*build, "--wheel-dir", folder, ".", cwd=source)
    for name in dependencies():
        pack(name, folder)
    return folder


def test_dyntop_runs_from_a_folder_of_wheels_without_an_index(wheels: Path, tmp_path: Path) -> None:
    # With this environment's pip, and compiling only what is imported: both take seconds.
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv", cwd=tmp_path)
    installed = tmp_path / "venv" / "bin"
    pip = (sys.executable, "-m", "pip", "--python", installed / "python")
    run(*pip, "install", "--no-compile", *OFFLINE, wheels, NAME, cwd=tmp_path)
    assert run(installed / NAME, "--version", cwd=tmp_path).startswith(NAME)
    assert "7d7ba1fd" in run(installed / NAME, "--demo", "list", "all", cwd=tmp_path)
    page = tmp_path / "venv" / "share" / "man" / "man1" / "dyntop.1"
    assert page.read_text() == (ROOT / MAN_PAGE).read_text()
    if shutil.which("man") is not None:
        path = f"{installed}:{os.environ['PATH']}"
        assert run("env", f"PATH={path}", "man", "-w", NAME, cwd=tmp_path).strip() == str(page)
    where = "import backends, tui; print(backends.__file__, tui.__file__)"
    assert str(ROOT) not in run(installed / "python", "-c", where, cwd=tmp_path)


def test_the_wheel_has_every_file_of_its_packages(wheels: Path) -> None:
    (wheel,) = wheels.glob(f"{NAME}-*.whl")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    there = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    of_system = {name.partition(".data/data/")[2] for name in packed if ".data/data/" in name}
    assert of_system == {"share/man/man1/dyntop.1"}
    assert {name for name in packed if ".data/data/" not in name} == there


def test_the_readme_installs_so() -> None:
    text = "".join(block.text for block in blocks(README))
    assert f"pip install {' '.join(OFFLINE)} wheels {NAME}" in text
