"""Find the API server and this user's credentials, as `kubectl` and Dynamo do.

First a kubeconfig, else the service account of the pod that this process runs in. Files are read,
and the TLS context is made, in a thread: a home directory may hang.
"""

from __future__ import annotations

import os
import ssl
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

from backends.aio.daemon_thread import in_daemon_thread
from backends.kubernetes.certificates import Certificates
from backends.kubernetes.config import KubernetesConfig
from backends.kubernetes.exec_plugin import run_plugin
from backends.kubernetes.kubeconfig import ChosenContext, KubeconfigEntry, choose
from backends.kubernetes.oidc import basic, id_token
from backends.kubernetes.proxies import proxy_of
from backends.store import Misconfigured

IN_CLUSTER = "in-cluster"
"""Shown in place of a context's name where the pod's service account is used."""
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
DEFAULT_NAMESPACE = "default"


@dataclass(frozen=True, slots=True)
class Access:
    """An API server, and what this user shows it."""

    host: str
    """Its URL, without credentials."""
    context: str
    namespace: str
    """Empty: all namespaces."""
    tls: ssl.SSLContext | None
    """None: plain HTTP."""
    tls_digest: bytes
    """Equal for equal TLS contexts."""
    server_name: str = ""
    """The name that its certificate has to have. Empty: that of the URL."""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    proxy: str = field(default="", repr=False)

    def has_connections_of(self, other: Access) -> bool:
        """Return whether connections of the other access serve this one, too."""
        ours = (self.host, self.tls_digest, self.server_name, self.proxy)
        return ours == (other.host, other.tls_digest, other.server_name, other.proxy)


async def load(
    config: KubernetesConfig,
    refused: bool = False,
    *,
    environ: Mapping[str, str] = os.environ,
    service_account: Path = SERVICE_ACCOUNT,
) -> Access:
    """Return the access that a configuration describes. `refused`: the server refused what was read
    the last time. Connects to nothing but what an exec plugin or an OIDC refresh connects to.

    Raises `Misconfigured`.
    """
    paths = kubeconfig_paths(config, environ)
    in_pod = bool(environ.get("KUBERNETES_SERVICE_HOST"))
    # An image's home is often one that the pod's user may not enter: a file there is not meant.
    is_meant = not in_pod or bool(config.kubeconfig or environ.get("KUBECONFIG") or config.context)
    chosen = await in_daemon_thread(
        lambda: _choose(paths, config.context, hidden=is_meant), "kubeconfig"
    )
    if chosen is not None:
        return await _from_context(config, chosen, environ, refused=refused)
    if not in_pod:
        where = os.pathsep.join(map(str, paths)) or "~/.kube/config"
        problem = f"there is no file {where}, and this is no pod of a cluster"
        raise Misconfigured("kubeconfig", problem)
    return await in_daemon_thread(lambda: _from_pod(config, environ, service_account), "kubeconfig")


def signs_in_elsewhere(config: KubernetesConfig, environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether `load` may run an exec plugin, or ask a sign-in service. Reads the kubeconfig.

    Raises `Misconfigured`.
    """
    chosen = _choose(kubeconfig_paths(config, environ), config.context)
    if chosen is None or chosen.user is None:
        return False
    return any(chosen.user.values.get(name) is not None for name in ("exec", "auth-provider"))


def kubeconfig_paths(config: KubernetesConfig, environ: Mapping[str, str]) -> list[Path]:
    """Return the kubeconfig files that are named, whether they exist or not."""
    named = config.kubeconfig or environ.get("KUBECONFIG")
    if named:
        return [Path(one).expanduser() for one in named.split(os.pathsep) if one]
    home = environ.get("HOME")
    return [Path(home, ".kube", "config")] if home else []


def existing(paths: Sequence[Path], *, hidden: bool = True) -> list[Path]:
    """Return those that are files. `hidden`: and those of which this user cannot find out, as in a
    folder that this user may not enter; reading them tells why."""
    return [path for path in paths if _is_file(path, hidden=hidden)]


def _is_file(path: Path, *, hidden: bool = True) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    except OSError:
        return hidden


def _choose(
    paths: Sequence[Path], context: str | None, *, hidden: bool = True
) -> ChosenContext | None:
    """Return the context of the files that exist. None: no file exists, and no context is asked
    for. `hidden`: as in `existing`."""
    found = existing(paths, hidden=hidden)
    if found:
        return choose(found, context)
    if context:
        where = os.pathsep.join(map(str, paths)) or "~/.kube/config"
        raise Misconfigured("kube-context", f"{context!r}: there is no file {where}")
    return None


async def _from_context(
    config: KubernetesConfig,
    chosen: ChosenContext,
    environ: Mapping[str, str],
    *,
    refused: bool,
) -> Access:
    cluster = chosen.cluster
    host = cluster.text("server").rstrip("/")
    if urlsplit(host).scheme not in ("http", "https") or not urlsplit(host).hostname:
        raise cluster.wrong("server is no URL of http or https")
    proxy = cluster.text("proxy-url") or proxy_of(host, environ)
    if proxy and urlsplit(proxy).scheme not in ("http", "https"):
        raise cluster.wrong(f"a proxy of {urlsplit(proxy).scheme or 'no scheme'} is not supported")
    token, certificates = await _credentials(chosen, environ, refused=refused)
    tls = None
    if host.startswith("https:"):
        tls = await in_daemon_thread(certificates.context, "kubeconfig")
    return Access(
        host=host,
        context=chosen.name,
        namespace=_namespace(config, environ, chosen.namespace),
        tls=tls,
        tls_digest=certificates.digest,
        server_name=cluster.text("tls-server-name"),
        headers=_headers(token, chosen.user),
        proxy=proxy,
    )


async def _credentials(
    chosen: ChosenContext, environ: Mapping[str, str], *, refused: bool
) -> tuple[str, Certificates]:
    """Return the `Authorization` header (empty: none), and certificates."""
    user, cluster = chosen.user, chosen.cluster

    def read() -> tuple[str, Certificates]:
        verified = not cluster.flag("insecure-skip-tls-verify")
        authority = cluster.content("certificate-authority")
        if user is None:
            return "", Certificates(authority, verified=verified)
        certificate, key = user.content("client-certificate"), user.content("client-key")
        return _authorization(user), Certificates(authority, certificate, key, verified)

    header, certificates = await in_daemon_thread(read, "kubeconfig")
    if user is None or header:
        return header, certificates
    if user.values.get("exec") is not None:
        found = await run_plugin(user, cluster, environ)
        if found.certificate:
            certificates = Certificates(
                certificates.authority, found.certificate, found.key, certificates.verified
            )
        return f"Bearer {found.token}" if found.token else "", certificates
    if provider := user.values.get("auth-provider"):
        name = provider.get("name") if isinstance(provider, Mapping) else None
        if name != "oidc":
            raise user.wrong(f"auth-provider {name!r} is not supported: use an exec plugin")
        return f"Bearer {await id_token(user, refused=refused)}", certificates
    return "", certificates


def _authorization(user: KubeconfigEntry) -> str:
    """Return the header of a token or password that stands in the kubeconfig, or in a file that it
    names. The file comes first, since tokens in files are replaced. Empty: there is none."""
    if (path := user.path("tokenFile")) is not None:
        try:
            return f"Bearer {path.read_text().strip()}"
        except (OSError, UnicodeDecodeError) as error:
            if not user.text("token"):
                raise user.wrong(f"tokenFile: {path}: {_why(error)}") from None
    if token := user.text("token").strip():
        return f"Bearer {token}"
    if name := user.text("username"):
        return basic(name, user.text("password"))
    return ""


def _headers(authorization: str, user: KubeconfigEntry | None) -> tuple[tuple[str, str], ...]:
    """Return the headers that name this user, and whom it acts as (`kubectl --as`)."""
    found = [("Authorization", authorization)] if authorization else []
    if user is None:
        return tuple(found)
    for name, header in (("as", "Impersonate-User"), ("as-uid", "Impersonate-Uid")):
        if text := user.text(name):
            found.append((header, text))
    found += [("Impersonate-Group", str(one)) for one in user.values.get("as-groups") or ()]
    extra = user.values.get("as-user-extra")
    for name, values in extra.items() if isinstance(extra, Mapping) else ():
        found += [(f"Impersonate-Extra-{quote(str(name))}", str(one)) for one in values or ()]
    return tuple(found)


def _from_pod(
    config: KubernetesConfig, environ: Mapping[str, str], service_account: Path
) -> Access:
    def content(name: str) -> str:
        path = service_account / name
        try:
            return path.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            problem = f"this pod has no service account: {path}: {_why(error)}"
            raise Misconfigured("kubeconfig", problem) from None

    host, port = environ["KUBERNETES_SERVICE_HOST"], environ.get("KUBERNETES_SERVICE_PORT", "443")
    url = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    certificates = Certificates(content("ca.crt").encode())
    own = service_account / "namespace"
    return Access(
        host=url,
        context=IN_CLUSTER,
        namespace=_namespace(config, environ, content("namespace") if _is_file(own) else ""),
        tls=certificates.context(),
        tls_digest=certificates.digest,
        headers=(("Authorization", f"Bearer {content('token')}"),),
        proxy=proxy_of(url, environ),
    )


def _namespace(config: KubernetesConfig, environ: Mapping[str, str], found: str) -> str:
    if config.all_namespaces:
        return ""
    return config.namespace or environ.get("POD_NAMESPACE") or found or DEFAULT_NAMESPACE


def _why(error: OSError | UnicodeDecodeError) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return "it is not text"
