"""Build the Kubernetes programs of tests/kubernetes/apiserver once, and find them afterwards.

    python -m tests.support.kubernetes.program

The program lies outside the tree, in a folder named after Kubernetes' release and the module's
files, so that all checkouts share it and a changed module is built again.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

MODULE = Path(__file__).parents[2] / "kubernetes" / "apiserver"
"""The Go module."""
FILES = ("go.mod", "go.sum", "main.go")
"""What decides what is built."""
NEEDED = "DYNTOP_NEED_APISERVER"
"""Set it to 1 where a missing program is a failure: tests are not skipped then."""
MEBIBYTE = 1 << 20


class NotBuilt(Exception):
    """The program is not there; the message gives the reason."""


def release() -> str:
    """Return the release of Kubernetes that the module requires, such as `1.37.2`."""
    found = re.search(r"^\s*k8s\.io/kubernetes v(\S+)$", (MODULE / "go.mod").read_text(), re.M)
    if found is None:
        raise ValueError(f"{MODULE / 'go.mod'} requires no k8s.io/kubernetes")
    return found[1]


def cached() -> Path:
    """Return where the program is, or will be once it is built."""
    digest = hashlib.sha256()
    for name in FILES:
        digest.update((MODULE / name).read_bytes())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "dyntop" / f"kubernetes-{release()}-{digest.hexdigest()[:12]}" / "kubernetes"


def is_needed() -> bool:
    """Return whether tests must not be skipped without the program."""
    return os.environ.get(NEEDED, "") not in ("", "0")


def find() -> Path:
    """Return the program. NotBuilt: it is not there."""
    program = cached()
    if not program.exists():
        raise NotBuilt("no Kubernetes API server was built: `make apiserver`, which needs Go 1.26")
    return program


def build() -> str:
    """Build the program unless it is there, and return a line about it. NotBuilt: it failed."""
    program = cached()
    if program.exists():
        return f"Kubernetes {release()}: built before, {program}"
    go = shutil.which("go")
    if go is None:
        raise NotBuilt("no Kubernetes API server: there is no Go here; its tests are skipped")
    program.parent.mkdir(parents=True, exist_ok=True)
    with (program.parent / "lock").open("w") as lock:
        # Another checkout may be building the same.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if program.exists():
            return f"Kubernetes {release()}: built meanwhile, {program}"
        begun = time.monotonic()
        _compile(go, program)
        seconds = time.monotonic() - begun
    size = program.stat().st_size // MEBIBYTE
    return f"Kubernetes {release()}: built in {seconds:.0f} s, {size} MiB, {program}"


def _compile(go: str, program: Path) -> None:
    print(f"building Kubernetes {release()}: minutes the first time", file=sys.stderr)
    major, minor, _ = release().split(".")
    # As its own makefiles do; without these, /version says 0.0.0.
    version = {"gitVersion": f"v{release()}", "gitMajor": major, "gitMinor": minor}
    flags = " ".join(f"-X k8s.io/component-base/version.{k}={v}" for k, v in version.items())
    unfinished = program.with_suffix(".new")
    done = subprocess.run(
        [go, "build", "-trimpath", f"-ldflags=-s -w {flags}", "-o", str(unfinished), "."],
        cwd=MODULE,
        # Without C no compiler is needed, and the program runs everywhere.
        env=os.environ | {"CGO_ENABLED": "0"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["without a word"])[-1]
        raise NotBuilt(f"no Kubernetes API server: `go build` failed: {last}")
    unfinished.rename(program)


def main() -> int:
    """Build, and report in one line; fail only where the program is needed."""
    try:
        print(build())
    except NotBuilt as reason:
        print(reason, file=sys.stderr)
        return 1 if is_needed() else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
