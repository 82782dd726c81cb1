"""etcd, kube-apiserver and controllers together, as tests use them.

with Kubernetes(find(), tls) as kubernetes:
    kubernetes.admin.list("pods")
    kubernetes.restart(), kubernetes.wipe(), kubernetes.compact()
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Self

from tests.support.etcd_server import EtcdServer
from tests.support.kubernetes.api import Api, Refused
from tests.support.kubernetes.servers import (
    MASTERS,
    ApiServer,
    Controllers,
    new_user,
    write_kubeconfig,
)
from tests.support.tls import TlsFiles
from tests.support.waiting import wait_for

CRD = Path(__file__).parents[2] / "kubernetes" / "dynamoworkermetadata.yaml"
CRD_NAME = "dynamoworkermetadatas.nvidia.com"


class Kubernetes:
    """A control plane without nodes, on loopback, with the resource of Dynamo's workers.

    No kubelet runs, so tests write what one would say of a pod. `extra` goes to kube-apiserver.
    """

    def __init__(self, program: Path, tls: TlsFiles, *extra: str) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="dyntop-kubernetes-"))
        """For kubeconfigs."""
        self.tls = tls
        self.etcd = EtcdServer()
        self.server = ApiServer(program, self.etcd, tls, *extra)
        self._controllers_user = new_user("controllers", MASTERS)
        self.server.users.append(self._controllers_user)
        self._controllers_config = self.directory / "controllers.json"
        self.controllers = Controllers(program, tls, self._controllers_config)

    @property
    def admin(self) -> Api:
        """The way of a user who may do everything."""
        return self.server.api(self.server.admin.token)

    def start(self) -> Self:
        """Start all of it, and wait until it serves workers' objects."""
        return self._start_on_etcd()

    @property
    def running(self) -> bool:
        """Whether all of it is there."""
        return self.etcd.running and self.server.running and self.controllers.running

    def stop(self) -> None:
        """End API server and controllers at once; what is stored stays."""
        self.controllers.kill()
        self.server.kill()

    def restart(self) -> Self:
        """Stop and start API server and controllers with the data that was there.

        The server's watch cache begins anew: older versions of a watch are `Expired` then.
        """
        self.stop()
        return self._start_on_etcd()

    def wipe(self) -> Self:
        """Restart it without data: versions begin at 1 again, and other uids are given."""
        self.stop()
        self.etcd.wipe()
        return self._start_on_etcd()

    def save(self, snapshot: Path) -> None:
        """Write a backup of all that is stored."""
        self.etcd.save(snapshot)

    def restore(self, snapshot: Path) -> Self:
        """Restart it from a backup: the versions after it are given again."""
        self.stop()
        self.etcd.restore(snapshot)
        return self._start_on_etcd()

    def compact(self) -> None:
        """Forget all earlier versions, as the API server does by itself every five minutes.

        Continued lists and watches from them are `Expired` once its caches heed that too: lists
        within 15 seconds, watches after a restart.
        """
        status = json.loads(self.etcd.etcdctl("endpoint", "status", "--write-out", "json"))
        revision = str(status[0]["Status"]["header"]["revision"])
        # Where API servers tell each other, and look for it.
        self.etcd.etcdctl("put", "compact_rev_key", revision)
        self.etcd.etcdctl("compact", "--physical", revision)

    def kubeconfig(self, name: str, token: str, namespace: str = "default") -> Path:
        """Write a kubeconfig of a user with a token, and return its path."""
        path = self.directory / f"{name}.kubeconfig"
        user = {"token": token}
        return write_kubeconfig(path, self.server.url, self.tls.ca, user, namespace)

    def close(self) -> None:
        """End all of it and remove its data."""
        self.controllers.close()
        self.server.close()
        self.etcd.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _start_on_etcd(self) -> Self:
        if not self.etcd.running:
            self.etcd.start()
        self.server.start()
        crd = CRD.read_bytes()
        self.admin.apply("customresourcedefinitions", None, crd, CRD_NAME, manager="helm")
        wait_for(self._serves_workers, "DynamoWorkerMetadata is served")
        user = {"token": self._controllers_user.token}
        write_kubeconfig(self._controllers_config, self.server.url, self.tls.ca, user)
        self.controllers.start()
        return self

    def _serves_workers(self) -> bool:
        try:
            self.admin.list("dynamoworkermetadatas", limit=1)
        except Refused as refused:
            if refused.status not in (404, 429, 503):
                raise
            return False
        return True
