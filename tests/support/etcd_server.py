"""An etcd of a test's own."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.support.ports import LOOPBACK
from tests.support.programs import ServerError, clean_environment, find_program
from tests.support.server_process import ServerProcess
from tests.support.tls import TlsFiles


@dataclass(frozen=True, slots=True)
class EtcdEntry:
    """One key as etcd stores it; `lease` is 0 for none."""

    value: bytes
    lease: int
    create_revision: int
    mod_revision: int


class EtcdServer(ServerProcess):
    """One etcd. `extra` goes to etcd as it is, such as `--quota-backend-bytes=...`.

    With `tls` it serves https only; with `client_certificates` it also asks for the client's.
    `client_flags` go with every `etcdctl`: set them to `["--user", "root:secret"]` once a test has
    switched authentication on.
    """

    name = "etcd"
    port_count = 2

    def __init__(
        self,
        *extra: str,
        tls: TlsFiles | None = None,
        client_certificates: bool = False,
        timeout: float = 60.0,
    ) -> None:
        self._program = find_program("etcd")
        self._etcdctl = find_program("etcdctl")
        super().__init__(timeout=timeout)
        self.extra = extra
        self.tls = tls
        self.client_certificates = client_certificates
        self.client_flags: list[str] = []

    @property
    def endpoint(self) -> str:
        """Its URL, for example `http://127.0.0.1:23790`."""
        return f"{'https' if self.tls else 'http'}://{LOOPBACK}:{self.ports[0]}"

    def command(self) -> list[str]:
        # Nobody else joins, so the peer side needs no port that anybody knows.
        return [
            self._program,
            *("--data-dir", str(self.directory / "data")),
            *("--listen-client-urls", self.endpoint, "--advertise-client-urls", self.endpoint),
            *("--listen-peer-urls", f"http://{LOOPBACK}:0"),
            *("--initial-advertise-peer-urls", f"http://{LOOPBACK}:1"),
            *("--initial-cluster", f"default=http://{LOOPBACK}:1"),
            # Its health can be asked here without certificates and passwords.
            *("--listen-metrics-urls", f"http://{LOOPBACK}:{self.ports[1]}"),
            # Safe for any end of the process, only not for one of the machine; much faster.
            "--unsafe-no-fsync",
            *self._tls_flags(),
            *self.extra,
        ]

    def _tls_flags(self) -> Sequence[str]:
        if self.tls is None:
            return ()
        flags = ["--cert-file", str(self.tls.server_cert), "--key-file", str(self.tls.server_key)]
        if self.client_certificates:
            flags += ["--client-cert-auth", "--trusted-ca-file", str(self.tls.ca)]
        return flags

    def is_ready(self) -> bool:
        # The log is this process's own: an answer alone could come from another's etcd when both
        # chose the same port and this one is just about to fail.
        if "ready to serve client requests" not in self.recent_log():
            return False
        connection = http.client.HTTPConnection(LOOPBACK, self.ports[1], timeout=1)
        try:
            # An alarm is a state that tests want; it does not keep etcd from answering.
            connection.request("GET", "/health?exclude=NOSPACE&exclude=CORRUPT")
            return b'"health":"true"' in connection.getresponse().read()
        except OSError:
            return False
        finally:
            connection.close()

    def wipe(self) -> Self:
        """Restart it empty on the same port: revisions begin at 1 again, leases are gone."""
        self.kill()
        shutil.rmtree(self.directory / "data")
        return self.start()

    def save(self, snapshot: Path) -> None:
        """Write a snapshot of all there is, as a backup is made."""
        self.etcdctl("snapshot", "save", str(snapshot))

    def restore(self, snapshot: Path) -> Self:
        """Kill it and start it from a snapshot, on the same port. The revisions after the snapshot
        are given again, and the cluster has the id that it had."""
        self.kill()
        data = self.directory / "data"
        shutil.rmtree(data)
        peer = f"http://{LOOPBACK}:1"
        self.etcdctl(
            *("snapshot", "restore", str(snapshot), "--data-dir", str(data)),
            *("--initial-cluster", f"default={peer}", "--initial-advertise-peer-urls", peer),
        )
        return self.start()

    def etcdctl(self, *args: str, input: bytes | None = None) -> bytes:
        """Run etcdctl on this server and return its stdout."""
        flags = ["--endpoints", self.endpoint, *self.client_flags]
        if self.tls is not None:
            flags += ["--cacert", str(self.tls.ca)]
            if self.client_certificates:
                cert, key = str(self.tls.client_cert), str(self.tls.client_key)
                flags += ["--cert", cert, "--key", key]
        done = subprocess.run(
            [self._etcdctl, *flags, *args],
            input=input if input is not None else b"",
            env=clean_environment(ETCDCTL_API="3"),
            capture_output=True,
            timeout=self.timeout,
            check=False,
        )
        if done.returncode != 0:
            problem = done.stderr.decode(errors="replace")
            raise ServerError(f"etcdctl {' '.join(args)} ended {done.returncode}: {problem}")
        return done.stdout

    @contextlib.contextmanager
    def keeping_alive(self, *leases: int) -> Iterator[None]:
        """Have leases renewed as workers do, each by a process that does nothing else."""
        command = [self._etcdctl, "--endpoints", self.endpoint, *self.client_flags]
        processes = [
            subprocess.Popen(
                [*command, "lease", "keep-alive", f"{lease:x}"],
                env=clean_environment(ETCDCTL_API="3"),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for lease in leases
        ]
        try:
            yield
        finally:
            for process in processes:
                process.kill()
                process.wait()

    def entries(self, prefix: str = "") -> dict[bytes, EtcdEntry]:
        """All keys under a prefix, as `etcdctl get --prefix` gives them."""
        answer = json.loads(self.etcdctl("get", "--prefix", prefix, "--write-out", "json"))
        return {
            base64.b64decode(item["key"]): EtcdEntry(
                value=base64.b64decode(item.get("value", "")),
                lease=item.get("lease", 0),
                create_revision=item["create_revision"],
                mod_revision=item["mod_revision"],
            )
            for item in answer.get("kvs", ())
        }
