"""Kubeconfigs are read as `kubectl` reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from backends.kubernetes.kubeconfig import choose
from backends.store import Misconfigured
from tests.kubernetes.kubeconfigs import config, write

SECRET = "c2VjcmV0LXRva2Vu"


def problem(paths: list[Path], wanted: str | None = None) -> Misconfigured:
    with pytest.raises(Misconfigured) as raised:
        choose(paths, wanted)
    return raised.value


def test_the_current_context_is_chosen_unless_another_is_asked_for(tmp_path: Path) -> None:
    one = write(tmp_path / "a", name="one", current="two")
    two = write(tmp_path / "b", name="two", current=None)
    assert choose([one, two], None).name == "two"
    assert choose([one, two], "one").name == "one"


def test_of_several_files_the_first_one_decides(tmp_path: Path) -> None:
    one = write(tmp_path / "a", context={"namespace": "of-a"})
    two = write(tmp_path / "b", context={"namespace": "of-b"}, current="other")
    assert choose([one, two], None).namespace == "of-a"
    assert choose([two, one], "lab").namespace == "of-b"
    assert problem([two, one]).setting == "kubeconfig"


def test_an_unknown_context_is_named_with_those_that_there_are(tmp_path: Path) -> None:
    paths = [write(tmp_path / "a", name="prod"), write(tmp_path / "b", name="dev")]
    error = problem(paths, "staging")
    assert (error.setting, error.problem) == (
        "kube-context",
        f"{paths[0]}:{paths[1]} has no context 'staging'; there are dev, prod",
    )


def test_no_current_context_is_said(tmp_path: Path) -> None:
    path = write(tmp_path / "a", current=None)
    assert problem([path]).problem == f"{path} has no current context; there are lab"
    empty = tmp_path / "empty"
    empty.write_text("")
    assert problem([empty]).problem == f"{empty} has no current context; it has no contexts"


@pytest.mark.parametrize(
    ("context", "said"),
    [({"cluster": "gone"}, "there is no cluster 'gone'"), ({"user": "x"}, "there is no user 'x'")],
)
def test_what_a_context_names_and_is_not_there_is_said(
    tmp_path: Path, context: dict[str, Any], said: str
) -> None:
    path = write(tmp_path / "a", context=context)
    assert problem([path]).problem == f"{path}: lab: {said}"


def test_a_context_without_a_user_is_anonymous(tmp_path: Path) -> None:
    assert choose([write(tmp_path / "a", context={"user": ""})], None).user is None


def test_relative_paths_are_relative_to_the_file_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "users").mkdir()
    (tmp_path / "clusters").mkdir()
    (tmp_path / "users" / "cert.pem").write_bytes(b"of the user")
    (tmp_path / "clusters" / "ca.pem").write_bytes(b"of the cluster")
    both = config(
        user={"client-certificate": "cert.pem"}, cluster={"certificate-authority": "ca.pem"}
    )
    users, clusters = tmp_path / "users" / "config", tmp_path / "clusters" / "config"
    users.write_text(yaml.safe_dump({"users": both["users"]}))
    clusters.write_text(yaml.safe_dump({name: both[name] for name in both if name != "users"}))
    chosen = choose([users, clusters], None)
    assert chosen.user is not None
    assert chosen.user.content("client-certificate") == b"of the user"
    assert chosen.cluster.content("certificate-authority") == b"of the cluster"


@pytest.mark.parametrize(
    "content",
    [
        f"users: [{{name: a, user: {{token: {SECRET}}}",
        f"- {SECRET}",
        f'"{SECRET}"',
        f"users: {SECRET}\ncontexts: {SECRET}",
        f"contexts:\n- name: [{SECRET}]\n- {SECRET}\n",
        f"\tusers: {SECRET}",
        "\x00" + SECRET,
        f"contexts: &a [*a, {SECRET}]",
        f"!!python/object/apply:os.system [{SECRET}]",
    ],
)
def test_a_file_that_is_no_kubeconfig_is_named_and_not_quoted(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a"
    path.write_text(content)
    error = problem([path], "lab")
    assert str(path) in error.problem
    assert SECRET not in error.problem


@pytest.mark.parametrize("value", [{"a": SECRET}, [SECRET], 3])
def test_a_value_of_the_wrong_kind_is_named_and_not_quoted(tmp_path: Path, value: Any) -> None:
    chosen = choose([write(tmp_path / "a", user={"token": value})], None)
    assert chosen.user is not None
    assert SECRET not in repr(chosen)
    with pytest.raises(Misconfigured, match=r"lab-user: token is not a text$"):
        chosen.user.text("token")


def test_data_that_is_not_base64_is_named_and_not_quoted(tmp_path: Path) -> None:
    data = {"client-key-data": f"%%%{SECRET}"}
    chosen = choose([write(tmp_path / "a", user=data)], None)
    assert chosen.user is not None
    with pytest.raises(Misconfigured, match=r"lab-user: client-key-data is not base64$"):
        chosen.user.content("client-key")


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    chosen = choose([write(tmp_path / "a", cluster={"certificate-authority": "gone.pem"})], None)
    with pytest.raises(Misconfigured, match=r"certificate-authority: No such file or directory"):
        chosen.cluster.content("certificate-authority")
