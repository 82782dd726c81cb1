"""Which server, which namespace, and which credentials a configuration means."""

from __future__ import annotations

import base64
import errno
import os
import ssl
import tempfile
from pathlib import Path
from typing import Any

import pytest

from backends.kubernetes.access import Access, load, signs_in_elsewhere
from backends.kubernetes.config import KubernetesConfig
from backends.store import Misconfigured
from tests.kubernetes.kubeconfigs import SERVER, write
from tests.support.tls import TlsFiles

IN_A_POD = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}
TOKEN = "a-secret-token"


async def loaded(path: Path, environ: dict[str, str] | None = None, **settings: Any) -> Access:
    config = KubernetesConfig(kubeconfig=str(path), **settings)
    return await load(config, environ=environ or {})


def headers(access: Access) -> dict[str, str]:
    return dict(access.headers)


@pytest.fixture
def account(tmp_path: Path, tls: TlsFiles) -> Path:
    """A service account as a kubelet mounts it."""
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    (folder / "token").write_text(f"{TOKEN}\n")
    (folder / "ca.crt").write_bytes(tls.ca.read_bytes())
    (folder / "namespace").write_text("own")
    return folder


@pytest.mark.parametrize(
    ("settings", "environ", "context", "namespace"),
    [
        ({"namespace": "asked"}, {"POD_NAMESPACE": "pod"}, "context", "asked"),
        ({}, {"POD_NAMESPACE": "pod"}, "context", "pod"),
        ({}, {"POD_NAMESPACE": ""}, "context", "context"),
        ({}, {}, "", "default"),
        ({"namespace": "asked", "all_namespaces": True}, {"POD_NAMESPACE": "pod"}, "context", ""),
    ],
)
async def test_which_namespace_is_read(
    tmp_path: Path,
    settings: dict[str, Any],
    environ: dict[str, str],
    context: str,
    namespace: str,
) -> None:
    path = write(tmp_path / "config", context={"namespace": context})
    assert (await loaded(path, environ, **settings)).namespace == namespace


async def test_files_are_those_of_the_settings_else_of_kubeconfig_else_of_the_home(
    tmp_path: Path,
) -> None:
    (tmp_path / ".kube").mkdir()
    write(tmp_path / ".kube" / "config", name="home", current="home")
    one = write(tmp_path / "one", name="one", current="one")
    two = write(tmp_path / "two", name="two", current="two")
    environ = {"HOME": str(tmp_path), "KUBECONFIG": f"{tmp_path / 'gone'}:{one}:{two}"}
    assert (await loaded(two, environ)).context == "two"
    assert (await load(KubernetesConfig(), environ=environ)).context == "one"
    assert (await load(KubernetesConfig(context="two"), environ=environ)).context == "two"
    environ["KUBECONFIG"] = ""
    assert (await load(KubernetesConfig(), environ=environ)).context == "home"


async def test_without_a_kubeconfig_the_pods_service_account_is_used(
    tmp_path: Path, account: Path
) -> None:
    environ = {"HOME": str(tmp_path), **IN_A_POD}
    access = await load(KubernetesConfig(), environ=environ, service_account=account)
    assert (access.host, access.context, access.namespace) == (
        "https://10.96.0.1:443",
        "in-cluster",
        "own",
    )
    assert headers(access) == {"Authorization": f"Bearer {TOKEN}"}
    (account / "token").write_text("another")
    again = await load(KubernetesConfig(), True, environ=environ, service_account=account)
    assert headers(again) == {"Authorization": "Bearer another"}
    assert again.has_connections_of(access)


async def test_an_address_of_ipv6_is_put_in_brackets(tmp_path: Path, account: Path) -> None:
    environ = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
    access = await load(KubernetesConfig(), environ=environ, service_account=account)
    assert access.host == "https://[fd00::1]:443"


async def test_a_pod_without_a_service_account_says_so(tmp_path: Path, account: Path) -> None:
    (account / "token").unlink()
    with pytest.raises(Misconfigured, match=r"this pod has no service account: .*/token: No such"):
        await load(KubernetesConfig(), environ=IN_A_POD, service_account=account)


async def test_neither_file_nor_pod_says_where_was_looked(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=rf"no file {tmp_path}/\.kube/config, and this is no"):
        await load(KubernetesConfig(), environ={"HOME": str(tmp_path)})
    with pytest.raises(Misconfigured, match=r"kube-context: 'lab': there is no file "):
        await load(KubernetesConfig(context="lab"), environ={"HOME": str(tmp_path), **IN_A_POD})


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), "Permission denied: "),
        (OSError(errno.ENAMETOOLONG, "File name too long"), "File name too long: "),
    ],
)
async def test_a_home_that_cannot_be_entered_is_named_and_in_a_pod_its_account_is_used(
    tmp_path: Path, account: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, why: str
) -> None:
    """An image's home is often one of root, and the pod runs as another user."""
    home, stat = {"HOME": str(tmp_path / "root")}, os.stat

    def denied(path: Any, **more: Any) -> os.stat_result:
        if "root" in os.fspath(path):
            raise error
        return stat(path, **more)

    monkeypatch.setattr("os.stat", denied)
    with pytest.raises(Misconfigured, match=f"kubeconfig: {why}"):
        await load(KubernetesConfig(), environ=home)
    pod = {**home, **IN_A_POD}
    access = await load(KubernetesConfig(), environ=pod, service_account=account)
    assert access.context == "in-cluster"
    # A file that is named is meant.
    named = KubernetesConfig(kubeconfig=f"{home['HOME']}/.kube/config")
    with pytest.raises(Misconfigured, match=f"kubeconfig: {why}"):
        await load(named, environ=pod, service_account=account)


async def test_a_token_and_a_token_file_and_a_password(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("of the file\n")
    path = tmp_path / "config"
    users: list[tuple[dict[str, Any], dict[str, str]]] = [
        ({"token": f"{TOKEN}\n"}, {"Authorization": f"Bearer {TOKEN}"}),
        ({"token": TOKEN, "tokenFile": "token"}, {"Authorization": "Bearer of the file"}),
        ({"token": TOKEN, "tokenFile": "gone"}, {"Authorization": f"Bearer {TOKEN}"}),
        ({"username": "me", "password": "pw"}, {"Authorization": "Basic bWU6cHc="}),
        ({}, {}),
    ]
    for user, expected in users:
        assert headers(await loaded(write(path, user=user))) == expected
    with pytest.raises(Misconfigured, match=r"tokenFile: .*/gone: No such file"):
        await loaded(write(path, user={"tokenFile": "gone"}))


async def test_a_user_may_act_as_another(tmp_path: Path) -> None:
    acting = {"as": "jane", "as-groups": ["a", "b"], "as-user-extra": {"x": ["1"]}}
    access = await loaded(write(tmp_path / "config", user=acting))
    assert access.headers == (
        ("Impersonate-User", "jane"),
        ("Impersonate-Group", "a"),
        ("Impersonate-Group", "b"),
        ("Impersonate-Extra-x", "1"),
    )


async def test_a_context_without_a_user_sends_nothing_over_tls_too(tmp_path: Path) -> None:
    access = await loaded(write(tmp_path / "config", context={"user": ""}))
    assert access.headers == ()
    assert access.tls is not None


async def test_certificates_within_the_kubeconfig_leave_no_file(
    tmp_path: Path, tls: TlsFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    seen: list[int] = []
    load_cert_chain = ssl.SSLContext.load_cert_chain

    def seeing(self: ssl.SSLContext, certfile: Path, **more: Any) -> None:
        seen.append(certfile.stat().st_mode & 0o777)
        seen.append(certfile.parent.stat().st_mode & 0o777)
        load_cert_chain(self, certfile, **more)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", seeing)
    user = {
        "client-certificate-data": base64.b64encode(tls.client_cert.read_bytes()).decode(),
        "client-key-data": base64.b64encode(tls.client_key.read_bytes()).decode(),
    }
    access = await loaded(write(tmp_path / "config", user=user))
    assert access.tls is not None
    assert seen == [0o600, 0o700]
    assert list(temporary.iterdir()) == []


async def test_certificates_that_are_none_are_said(tmp_path: Path) -> None:
    broken = base64.b64encode(b"-----BEGIN secret").decode()
    for part in ({"user": {"client-certificate-data": broken}},):
        with pytest.raises(Misconfigured, match=r"its certificates cannot be used") as raised:
            await loaded(write(tmp_path / "config", **part))
        assert "secret" not in str(raised.value)
    with pytest.raises(Misconfigured, match=r"its certificates cannot be used"):
        await loaded(write(tmp_path / "config", cluster={"certificate-authority-data": broken}))


async def test_the_name_of_the_certificate_the_proxy_and_no_checks(tmp_path: Path) -> None:
    cluster = {
        "tls-server-name": "kubernetes",
        "proxy-url": "http://me:pw@proxy:3128",
        "insecure-skip-tls-verify": True,
    }
    access = await loaded(write(tmp_path / "config", cluster=cluster))
    assert (access.server_name, access.proxy) == ("kubernetes", "http://me:pw@proxy:3128")
    assert access.tls is not None
    assert access.tls.verify_mode is ssl.CERT_NONE
    with pytest.raises(Misconfigured, match=r"a proxy of socks5 is not supported"):
        await loaded(write(tmp_path / "config", cluster={"proxy-url": "socks5://me:pw@p"}))


@pytest.mark.parametrize("server", ["", "127.0.0.1:6443", "ftp://a", "https://", "/a"])
async def test_a_server_that_is_no_url_is_said(tmp_path: Path, server: str) -> None:
    with pytest.raises(Misconfigured, match=r"lab: server is no URL of http or https"):
        await loaded(write(tmp_path / "config", cluster={"server": server}))


async def test_providers_that_kubectl_gave_up_are_said(tmp_path: Path) -> None:
    path = write(tmp_path / "config", user={"auth-provider": {"name": "gcp"}})
    with pytest.raises(Misconfigured, match=r"auth-provider 'gcp' is not supported"):
        await loaded(path)


async def test_no_secret_is_in_what_is_logged_or_shown(tmp_path: Path) -> None:
    user = {"token": TOKEN}
    cluster = {"proxy-url": f"http://me:{TOKEN}@proxy"}
    access = await loaded(write(tmp_path / "config", user=user, cluster=cluster))
    assert TOKEN not in repr(access)
    assert access.host == SERVER


@pytest.mark.parametrize(
    ("user", "elsewhere"),
    [
        ({"token": TOKEN}, False),
        ({}, False),
        ({"exec": {"command": "aws"}}, True),
        ({"auth-provider": {"name": "oidc"}}, True),
    ],
)
def test_whether_somebody_else_is_asked_who_this_user_is(
    tmp_path: Path, user: dict[str, Any], elsewhere: bool
) -> None:
    path = write(tmp_path / "config", user=user)
    assert signs_in_elsewhere(KubernetesConfig(kubeconfig=str(path)), {}) is elsewhere
    # A pod's service account is a file.
    assert not signs_in_elsewhere(KubernetesConfig(), IN_A_POD)
