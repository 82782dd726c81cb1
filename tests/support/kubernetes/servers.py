"""The two processes of Kubernetes that tests need: the API server and some controllers."""

from __future__ import annotations

import json
import secrets
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import HTTPSHandler, ProxyHandler, build_opener

from tests.support.etcd_server import EtcdServer
from tests.support.kubernetes.api import Api
from tests.support.ports import LOOPBACK
from tests.support.server_process import ServerProcess
from tests.support.tls import TlsFiles

MASTERS = "system:masters"
"""The group whose members may do everything."""

ISSUER = "https://kubernetes.default.svc"
"""Of the tokens of service accounts."""

# Those that fill in or check what no test looks at. Without a controller for it, each pod would
# also wait for a service account.
UNUSED_ADMISSION = (
    "CertificateApproval",
    "CertificateSigning",
    "CertificateSubjectRestriction",
    "DefaultIngressClass",
    "DefaultStorageClass",
    "DefaultTolerationSeconds",
    "LimitRanger",
    "MutatingAdmissionWebhook",
    "PersistentVolumeClaimResize",
    "PodSecurity",
    "Priority",
    "ResourceQuota",
    "RuntimeClass",
    "ServiceAccount",
    "StorageObjectInUseProtection",
    "TaintNodesByCondition",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionWebhook",
)
SERVED = (
    "api/v1",
    "apiextensions.k8s.io/v1",
    "apiregistration.k8s.io/v1",
    "authentication.k8s.io/v1",
    "authorization.k8s.io/v1",
    "apps/v1",
    "discovery.k8s.io/v1",
    "rbac.authorization.k8s.io/v1",
    # The server itself does not get ready without these.
    "admissionregistration.k8s.io/v1",
    "coordination.k8s.io/v1",
    "flowcontrol.apiserver.k8s.io/v1",
    "networking.k8s.io/v1",
)
"""The parts of the API that there are: all would cost half as much time and memory again."""
CONTROLLERS = ("endpointslice-controller", "garbage-collector-controller")
"""Not the collector of pods, which removes those of nodes that do not exist."""


@dataclass(frozen=True)
class User:
    """A user of the API server with a token that does not expire."""

    name: str
    groups: tuple[str, ...] = ()
    token: str = ""


def new_user(name: str, *groups: str) -> User:
    """Return a user with a new token, which an API server knows once it is in its `users`."""
    return User(name, groups, secrets.token_urlsafe(24))


class ApiServer(ServerProcess):
    """One kube-apiserver over an etcd. `extra` goes to it as it is.

    `users` may be changed while it is down.
    """

    name = "kube-apiserver"
    port_count = 1

    def __init__(
        self, program: Path, etcd: EtcdServer, tls: TlsFiles, *extra: str, timeout: float = 120.0
    ) -> None:
        super().__init__(timeout=timeout)
        self._program = program
        self.etcd = etcd
        self.tls = tls
        self.extra = extra
        self.admin = new_user("admin", MASTERS)
        self.users = [self.admin]

    def api(self, token: str | None) -> Api:
        """Return the way to it with a token. None: without."""
        return Api(self.ports[0], self.tls.ca, token)

    @property
    def url(self) -> str:
        """Its URL, for example `https://127.0.0.1:24222`."""
        return f"https://{LOOPBACK}:{self.ports[0]}"

    def command(self) -> list[str]:
        tokens = self.directory / "tokens.csv"
        lines = (f'{u.token},{u.name},{u.name},"{",".join(u.groups)}"\n' for u in self.users)
        tokens.write_text("".join(lines))
        cert, key = str(self.tls.server_cert), str(self.tls.server_key)
        return [
            *(str(self._program), self.name),
            *("--etcd-servers", self.etcd.endpoint),
            *("--bind-address", LOOPBACK, "--secure-port", str(self.ports[0])),
            # The address of the service `kubernetes`, for which loopback is refused.
            *("--advertise-address", "192.0.2.1", "--endpoint-reconciler-type", "none"),
            *("--cert-dir", str(self.directory)),
            *("--tls-cert-file", cert, "--tls-private-key-file", key),
            *("--client-ca-file", str(self.tls.ca)),
            *("--token-auth-file", str(tokens)),
            *("--authorization-mode", "RBAC"),
            *("--service-account-issuer", ISSUER),
            *("--service-account-signing-key-file", key, "--service-account-key-file", cert),
            *("--service-cluster-ip-range", "10.0.0.0/24"),
            *("--runtime-config", f"api/all=false,{','.join(f'{part}=true' for part in SERVED)}"),
            *("--disable-admission-plugins", ",".join(UNUSED_ADMISSION)),
            *self.extra,
        ]

    def is_ready(self) -> bool:
        # With a token that only this one knows: the port might be another's.
        return self.api(self.admin.token).is_ready()


class Controllers(ServerProcess):
    """One kube-controller-manager with the controllers that tests need.

    Start it once the custom resources are there: its garbage collector looks for new ones every 30
    seconds only.
    """

    name = "kube-controller-manager"
    port_count = 1

    def __init__(
        self, program: Path, tls: TlsFiles, kubeconfig: Path, timeout: float = 120.0
    ) -> None:
        super().__init__(timeout=timeout)
        self._program = program
        self.tls = tls
        self.kubeconfig = kubeconfig
        context = ssl.create_default_context(cafile=str(tls.ca))
        self._opener = build_opener(ProxyHandler({}), HTTPSHandler(context=context))

    def command(self) -> list[str]:
        cert, key = str(self.tls.server_cert), str(self.tls.server_key)
        return [
            *(str(self._program), self.name),
            *("--kubeconfig", str(self.kubeconfig)),
            *("--controllers", ",".join(CONTROLLERS)),
            *("--bind-address", LOOPBACK, "--secure-port", str(self.ports[0])),
            *("--tls-cert-file", cert, "--tls-private-key-file", key),
            "--use-service-account-credentials=false",
            "--authentication-skip-lookup",
            "--leader-elect=false",
            # Of slices, which otherwise come in groups, up to a second late.
            *("--endpointslice-updates-batch-period", "0s"),
        ]

    def is_ready(self) -> bool:
        try:
            with self._opener.open(f"https://{LOOPBACK}:{self.ports[0]}/healthz", timeout=5):
                return True
        except (OSError, URLError):
            return False


def write_kubeconfig(
    path: Path, url: str, authority: Path, user: Mapping[str, object], namespace: str = "default"
) -> Path:
    """Write a kubeconfig with one context, `test`; JSON is YAML too. Return its path."""
    cluster = {"server": url, "certificate-authority": str(authority)}
    context = {"cluster": "test", "user": "test", "namespace": namespace}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": user}],
        "contexts": [{"name": "test", "context": context}],
        "current-context": "test",
    }
    path.write_text(json.dumps(config, indent=2))
    return path
