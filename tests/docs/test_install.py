"""dyntop installs on a node without internet, from a folder of wheels, as the README says; and what
the wheel says of itself leads nowhere that is not there.

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
from email.message import Message
from email.parser import HeaderParser
from importlib import metadata
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from packaging.requirements import Requirement
from packaging.tags import parse_tag, sys_tags
from packaging.utils import canonicalize_name

from tests.docs.documents import README, ROOT, anchors, blocks
from tests.support.programs import clean_environment

NAME = "dyntop"
PACKAGES = ("backends", "tui")
MAN_PAGE = "docs/dyntop.1"
DEADLINE = 300.0
OFFLINE = ("--no-index", "--find-links")
PICTURE = "screenshots/overview.txt"
SOURCES = ("pyproject.toml", "setup.py", "README.md", "LICENSE", MAN_PAGE, PICTURE)
ADDRESS = "https://example.org/somebody/dyntop"
"""Of no repository."""
OF_METADATA = """
import sys
from setuptools import build_meta
print(build_meta.prepare_metadata_for_build_wheel(sys.argv[1]))
"""
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


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run to the end, without any index. Returns standard output."""
    done = subprocess.run(
        command,
        cwd=cwd,
        # Neither this repository nor what a user's settings say may help.
        env=clean_environment(
            PYTHONPATH="", PIP_NO_INDEX="1", PIP_CONFIG_FILE="/dev/null", **environment
        ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a wheel is built of. A build leaves files behind, which must not land in the
    repository."""
    folder = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(scope="module")
def wheels(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels of dyntop and of all that it needs."""
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


def links(html: str) -> list[str]:
    return re.findall(r'(?:href|src)="([^"]+)"', html)


def described(about: Message) -> str:
    """Return the README of a wheel as an index shows it, in HTML."""
    assert about["Description-Content-Type"] == "text/markdown"
    text = about.get_payload()
    assert isinstance(text, str)
    html: str = MarkdownIt("commonmark").enable("table").render(text)
    return html


def test_without_an_address_the_readme_of_the_wheel_has_its_picture_as_text_and_no_dead_link(
    wheels: Path,
) -> None:
    (wheel,) = wheels.glob(f"{NAME}-*.whl")
    with zipfile.ZipFile(wheel) as packed:
        (name,) = (one for one in packed.namelist() if one.endswith(".dist-info/METADATA"))
        about = HeaderParser().parsestr(packed.read(name).decode())
    assert about.get_all("Project-URL") is None
    html = described(about)
    assert "<img" not in html
    (picture,) = re.findall(r'<pre><code class="language-text">(.*?)</code></pre>', html, re.S)
    assert picture == (ROOT / PICTURE).read_text()
    assert links(html) == ["https://github.com/ai-dynamo/dynamo"]
    assert "how-to (<code>docs/how-to/drain.md</code>)" in html


def test_with_an_address_the_links_and_pictures_of_the_wheel_lead_to_the_release_there(
    source: Path, tmp_path: Path
) -> None:
    made = (sys.executable, "-c", OF_METADATA, tmp_path)
    name = run(*made, cwd=source, PROJECT_ADDRESS=f"{ADDRESS}/").splitlines()[-1]
    about = HeaderParser().parsestr((tmp_path / name / "METADATA").read_text())
    urls = dict(one.split(", ", 1) for one in about.get_all("Project-URL", []))
    tree, raw = (f"{ADDRESS}/{one}/v{about['Version']}/" for one in ("blob", "raw"))
    assert urls.pop("Repository") == ADDRESS
    assert urls.pop("Issues") == f"{ADDRESS}/issues"
    assert urls.keys() == {"Documentation", "Changelog"}
    html = described(about)
    assert re.findall(r'<img src="([^"]+)"', html) == [f"{raw}screenshots/overview.svg"]
    assert f"git clone {ADDRESS} dyntop" in html
    for link in (*urls.values(), *links(html)):
        path, _, anchor = link.removeprefix(raw).removeprefix(tree).partition("#")
        if link != "https://github.com/ai-dynamo/dynamo":
            assert (ROOT / path).is_file(), link
            assert not anchor or anchor in anchors(ROOT / path), link


@pytest.mark.parametrize("address", ["http://example.org/a/b", "example.org/a/b", "https://a b/c"])
def test_what_is_no_address_of_a_repository_ends_the_build(
    source: Path, tmp_path: Path, address: str
) -> None:
    with pytest.raises(AssertionError, match=f"no https:// address of a repository: {address}"):
        run(sys.executable, "-c", OF_METADATA, tmp_path, cwd=source, PROJECT_ADDRESS=address)


def test_the_readme_installs_so() -> None:
    text = "".join(block.text for block in blocks(README))
    assert f"pip install {' '.join(OFFLINE)} wheels {NAME}" in text
