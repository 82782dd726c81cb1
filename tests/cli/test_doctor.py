"""`dyntop doctor` names the step that fails and what to do, on real servers, and writes nothing."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from pathlib import Path

from tests.cli.conftest import BODY, INSTANCE, Here
from tests.support.etcd_places import QUICK, cluster_of, stored, switch_auth_on
from tests.support.etcd_server import EtcdServer
from tests.support.frontends import frontend
from tests.support.nats_server import NatsServer
from tests.support.ports import LOOPBACK, free_ports
from tests.support.programs import ServerError
from tests.support.registering import put_worker
from tests.support.running import Ended, dyntop, put_file
from tests.support.tls import TlsFiles

SECRET = "hunter2secret"
SHORT = ("--timeout", "1.5")
"""For what never answers."""


class Found:
    """The steps of a run, by kind."""

    def __init__(self, ended: Ended) -> None:
        self.code = ended.code
        self.steps = {step["kind"]: step for step in ended.records}

    @property
    def results(self) -> dict[str, str]:
        return {kind: step["result"] for kind, step in self.steps.items()}

    def __getitem__(self, kind: str) -> str:
        return str(self.steps[kind]["detail"])

    def remedy(self, kind: str) -> str:
        return str(self.steps[kind]["remedy"])

    @property
    def failed(self) -> list[str]:
        return [kind for kind, result in self.results.items() if result == "failed"]


def doctor(*args: str, env: dict[str, str] | None = None) -> Found:
    ended = dyntop("doctor", "-o", "json", *args, env=env)
    assert ended.err == ""
    assert SECRET not in ended.out.decode()
    return Found(ended)


def test_a_healthy_etcd_is_ok_at_each_step_and_nothing_is_written(etcd: EtcdServer) -> None:
    put_worker(etcd, "10.0.0.7:9000")
    before = stored(etcd)
    found = doctor("--endpoints", etcd.endpoint)
    assert (found.code, found.failed) == (0, [])
    assert found.results == {
        "settings": "ok",
        "name": "ok",
        "port": "ok",
        "tls": "not applicable",
        "answer": "ok",
        "login": "ok",
        "read": "ok",
        "remove": "ok",
        "records": "ok",
        "releases": "ok",
        "clock": "ok",
        "nats": "not applicable",
        "frontends": "not applicable",
        "alarms": "ok",
        "term": "ok",
    }
    assert "authentication is off" in found["login"]
    assert found["records"].startswith("v1/instances/ 2, v1/mdc/ 2, v1/event_channels/ 1, ")
    assert found["releases"] == "records as written by 1.4+ (1 process)"
    assert "no difference seen" in found["clock"]
    assert "no change" in found["term"]
    assert stored(etcd) == before


def test_people_get_a_line_a_step_with_a_sign_and_below_a_failed_one_what_to_do() -> None:
    (closed,) = free_ports(1)
    ended = dyntop("doctor", "--endpoints", f"http://{LOOPBACK}:{closed}")
    assert ended.code == 3
    signs = [line[0] for line in ended.lines]
    assert signs == ["✓", "✓", "✗", " ", *"-" * 12]
    assert ended.lines[2] == f"✗ port       {LOOPBACK}:{closed}: connection refused"
    assert "--endpoints or ETCD_ENDPOINTS" in ended.lines[3]
    assert ended.lines[4] == "- tls        skipped: it needs port, which failed"


def test_a_locale_without_the_signs_still_gets_them_spelled_out() -> None:
    ended = dyntop("doctor", "--demo", env={"PYTHONIOENCODING": "ascii"})
    assert ended.code == 0
    assert ended.out.startswith(b"\\u2713 settings")


def test_a_host_that_does_not_resolve_fails_at_its_name(network: None) -> None:
    found = doctor("--endpoints", "http://no-such-host.invalid:2379")
    assert (found.code, found.failed) == (3, ["name"])
    assert "no-such-host.invalid cannot be resolved" in found["name"]
    assert "DNS" in found.remedy("name")
    assert found.results["port"] == found.results["term"] == "skipped"


def test_one_of_several_that_is_away_is_a_warning(etcd: EtcdServer) -> None:
    (closed,) = free_ports(1)
    found = doctor("--endpoints", f"{etcd.endpoint},http://{LOOPBACK}:{closed}")
    assert (found.code, found.failed) == (0, [])
    assert found.results["port"] == found.results["answer"] == "warning"
    assert f"{closed}: connection refused" in found["port"]
    assert f"{etcd.endpoint} answers" in found["answer"]


def test_a_server_that_hangs_ends_the_step_and_not_the_command() -> None:
    with EtcdServer(*QUICK) as etcd:
        etcd.pause()
        found = doctor(*SHORT, "--endpoints", etcd.endpoint)
        # The kernel accepts for a process that is stopped.
        assert found.results["port"] == "ok"
        assert (found.code, found.failed) == (3, ["answer"])
        assert "did not answer in time" in found["answer"]
        assert found.results["login"] == found.results["term"] == "skipped"
        etcd.resume()


def test_a_server_of_tls_that_hangs_is_not_taken_for_one_without_trust(tls: TlsFiles) -> None:
    with EtcdServer(*QUICK, tls=tls) as etcd:
        etcd.pause()
        env = {"ETCD_AUTH_CA": str(tls.ca)}
        found = doctor(*SHORT, "--endpoints", etcd.endpoint, env=env)
        assert found.failed == ["answer"]
        assert found["tls"] == "not known, since no server answered"
        etcd.resume()


def test_tls_is_told_apart_by_what_is_wrong_with_it(tls: TlsFiles, foreign_tls: TlsFiles) -> None:
    with EtcdServer(*QUICK, tls=tls) as etcd:
        trusting = {"ETCD_AUTH_CA": str(tls.ca)}
        found = doctor("--endpoints", etcd.endpoint, env=trusting)
        assert (found.code, found.failed) == (0, [])
        assert found["tls"] == f"{etcd.endpoint} is trusted"
        assert "no difference seen" in found["clock"]

        found = doctor("--endpoints", etcd.endpoint, env={"ETCD_AUTH_CA": str(foreign_tls.ca)})
        assert (found.code, found.failed) == (3, ["tls"])
        assert "ETCD_AUTH_CA" in found.remedy("tls")

        plain = etcd.endpoint.replace("https:", "http:")
        found = doctor("--endpoints", plain, env=trusting)
        assert (found.code, found.failed) == (3, ["tls"])
        assert "write https://" in found.remedy("tls")

        found = doctor("--endpoints", etcd.endpoint, env={"ETCD_AUTH_CA": "/nowhere/ca.pem"})
        assert (found.code, found.failed) == (2, ["tls"])
        assert "/nowhere/ca.pem" in found["tls"]


def test_a_client_certificate_is_not_known_to_have_rights(tls: TlsFiles) -> None:
    with EtcdServer(*QUICK, tls=tls, client_certificates=True) as etcd:
        env = {
            "ETCD_AUTH_CA": str(tls.ca),
            "ETCD_AUTH_CLIENT_CERT": str(tls.client_cert),
            "ETCD_AUTH_CLIENT_KEY": str(tls.client_key),
        }
        found = doctor("--endpoints", etcd.endpoint, env=env)
        assert (found.code, found.failed) == (0, [])
        assert found["remove"].startswith("not told")
        assert found["clock"].startswith("not measured")


def test_a_user_s_password_and_rights_are_told_without_a_write() -> None:
    with EtcdServer(*QUICK) as etcd:
        put_worker(etcd, "10.0.0.7:9000")
        switch_auth_on(etcd, SECRET)
        before = stored(etcd)

        def by(user: str, password: str = SECRET) -> Found:
            env = {"ETCD_AUTH_USERNAME": user, "ETCD_AUTH_PASSWORD": password}
            return doctor("--endpoints", etcd.endpoint, env=env)

        found = doctor("--endpoints", etcd.endpoint)
        assert (found.code, found.failed) == (4, ["login"])
        assert "ETCD_AUTH_USERNAME" in found.remedy("login")

        found = by("root", "wrong")
        assert (found.code, found.failed) == (4, ["login"])
        assert "invalid user ID or password" in found["login"]
        assert found.results["read"] == "skipped"

        found = by("root")
        assert (found.code, found.failed) == (0, [])
        assert found["login"] == "as root"
        assert found["remove"] == "yes: by its roles"

        found = by("joe")
        assert (found.code, found.failed) == (0, [])
        assert found.results["read"] == "warning"
        assert "model cards (v1/mdc/)" in found["read"]
        assert found["remove"] == "only v1/instances/, by its roles"
        assert found["records"].startswith("v1/instances/ 2;")

        etcd.etcdctl("role", "add", "looks")
        etcd.etcdctl("role", "grant-permission", "looks", "read", "v1/", "--prefix=true")
        etcd.etcdctl("user", "add", f"ann:{SECRET}")
        etcd.etcdctl("user", "grant-role", "ann", "looks")
        found = by("ann")
        assert found.results["remove"] == "warning"
        assert found["remove"] == "no: no role of this user has read and write"

        etcd.etcdctl("user", "add", f"bob:{SECRET}")
        found = by("bob")
        assert (found.code, found.failed) == (4, ["read"])
        assert found["login"] == "as bob"
        assert "permission denied" in found["read"]
        assert found.results["records"] == found.results["releases"] == "skipped"
        assert found.results["remove"] == "warning"
        assert stored(etcd) == before


def test_a_user_who_is_not_needed_is_said_to_be_not_needed(etcd: EtcdServer) -> None:
    env = {"ETCD_AUTH_USERNAME": "joe", "ETCD_AUTH_PASSWORD": SECRET}
    found = doctor("--endpoints", etcd.endpoint, env=env)
    assert "not needed: authentication is off" in found["login"]
    assert found["remove"] == "yes: authentication is off"


def test_an_alarm_has_to_be_mended() -> None:
    with EtcdServer(*QUICK, "--quota-backend-bytes=1000000") as etcd:
        with suppress(ServerError):
            for number in range(20):
                etcd.etcdctl("put", f"fill/{number}", input=b"x" * 200_000)
        found = doctor("--endpoints", etcd.endpoint)
        assert (found.code, found.failed) == (1, ["alarms"])
        assert "out of space (alarm NOSPACE)" in found["alarms"]
        assert "etcdctl alarm disarm" in found.remedy("alarms")


def test_endpoints_of_two_clusters_are_found_out(etcd: EtcdServer) -> None:
    with EtcdServer(*QUICK, "--initial-cluster-token=another") as other:
        found = doctor("--endpoints", f"{etcd.endpoint},{other.endpoint}")
        assert (found.code, found.failed[0]) == (3, "answer")
        assert "2 different clusters" in found["answer"]


def test_a_cluster_without_a_quorum_has_no_leader() -> None:
    with cluster_of(3) as members:
        endpoints = ",".join(member.endpoint for member in members)
        found = doctor("--endpoints", endpoints)
        assert (found.code, found.failed) == (0, [])
        for member in members[1:]:
            member.kill()
        found = doctor("--endpoints", endpoints)
        assert found.code == 3
        assert found.results["port"] == "warning"
        # Until the member left notices, it takes requests and does not answer them.
        assert found.failed[0] in ("answer", "read"), found.steps


def test_another_namespace_is_named_where_the_wanted_one_has_nothing(etcd: EtcdServer) -> None:
    put_worker(etcd, "10.0.0.7:9000")
    found = doctor("--endpoints", etcd.endpoint, "-n", "prdo")
    assert (found.code, found.results["records"]) == (0, "warning")
    assert found["records"] == "none in namespace prdo; there is prod"
    assert "-n" in found.remedy("records")
    found = doctor("--endpoints", etcd.endpoint, "-n", "prod")
    assert found.results["records"] == "ok"


def test_a_folder_is_examined_by_its_permissions(
    tmp_path: Path, folder: Path, permissions_bind: None
) -> None:
    found = doctor("--file-store", str(folder))
    assert (found.code, found.failed) == (0, [])
    assert found["records"].startswith("v1/instances/ 1, v1/mdc/ 1")
    assert found["remove"] == "yes: by the permissions of its folders"
    (folder / "v1" / "mdc").chmod(0o555)
    assert found.results["clock"] == "not applicable"
    found = doctor("--file-store", str(folder))
    (folder / "v1" / "mdc").chmod(0o755)
    assert found["remove"] == f"only {folder}/v1/instances, by the permissions of its folders"
    found = doctor("--file-store", str(tmp_path / "nowhere"))
    assert (found.code, found.failed) == (3, ["answer"])
    assert "does not exist" in found["answer"]


def test_a_file_touched_in_the_future_tells_of_a_clock(tmp_path: Path) -> None:
    file = put_file(tmp_path, INSTANCE, BODY)
    ahead = file.stat().st_mtime + 5000
    os.utime(file, (ahead, ahead))
    found = doctor("--file-store", str(tmp_path))
    assert found.results["clock"] == "warning"
    assert re.search(r"is ahead of this host's by (4\d|50)\d\d\.\d s or more", found["clock"])


def test_nats_is_asked_as_a_store_and_beside_one(etcd: EtcdServer) -> None:
    with NatsServer("--user", "dyn", "--pass", SECRET) as nats:
        env = {"NATS_AUTH_USERNAME": "dyn", "NATS_AUTH_PASSWORD": SECRET}
        for args in (["--backend", "nats"], ["--endpoints", etcd.endpoint]):
            found = doctor(*args, "--nats", nats.url, env=env)
            assert (found.code, found.failed) == (0, [])
            assert "answers in" in found["nats"]
        found = doctor("--backend", "nats", "--nats", nats.url, env=env)
        assert found["login"] == "as dyn"
        assert found["remove"].startswith("not told")

        in_url = nats.url.replace("://", f"://dyn:{SECRET}@")
        found = doctor("--backend", "nats", env={"NATS_SERVER": in_url})
        assert (found.code, found.failed) == (0, [])

        wrong = env | {"NATS_AUTH_PASSWORD": f"not-{SECRET}"}
        found = doctor("--backend", "nats", "--nats", nats.url, env=wrong)
        assert (found.code, found.failed) == (4, ["login", "nats"])
        found = doctor("--endpoints", etcd.endpoint, "--nats", nats.url, env=wrong)
        assert (found.code, found.failed) == (1, ["nats"])
        assert "NATS_AUTH_USERNAME" in found.remedy("nats")

        nats.pause()
        found = doctor(*SHORT, "--backend", "nats", "--nats", nats.url, env=env)
        assert (found.code, found.failed) == (3, ["answer", "nats"])
        nats.resume()


def test_frontends_are_asked_for_their_models(etcd: EtcdServer) -> None:
    (closed,) = free_ports(1)
    away = f"http://{LOOPBACK}:{closed}"
    with frontend("acme/tiny-llm", "acme/other") as url:
        found = doctor("--endpoints", etcd.endpoint, "--metrics", url)
        assert found["frontends"].endswith("lists 2 models")
        assert found.results["frontends"] == "ok"
        env = {"DYNTOP_METRICS": f"{url},http://me:{SECRET}@{LOOPBACK}:{closed}"}
        found = doctor("--endpoints", etcd.endpoint, env=env)
        assert (found.code, found.results["frontends"]) == (0, "warning")
    found = doctor("--endpoints", etcd.endpoint, "--metrics", away)
    assert (found.code, found.failed) == (1, ["frontends"])
    assert str(closed) in found["frontends"]


def test_settings_that_cannot_work_fail_at_the_first_step() -> None:
    env = {"ETCD_AUTH_CLIENT_CERT": "/some/cert.pem"}
    found = doctor("--endpoints", "https://localhost:2379", env=env)
    assert (found.code, found.failed) == (2, ["settings"])
    assert "ETCD_AUTH_CLIENT_KEY" in found["settings"]
    assert "dyntop config show" in found.remedy("settings")


def test_the_demo_needs_no_server_and_read_only_is_said(here: Here) -> None:
    ended = here("doctor", "--demo", "--read-only", "-o", "json")
    steps = {step["kind"]: step for step in json.loads(ended.out)}
    assert ended.code == 0
    assert "read-only" in steps["remove"]["detail"]
    assert steps["nats"]["result"] == "not applicable"
