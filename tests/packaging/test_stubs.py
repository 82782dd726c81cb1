"""The generated messages of etcd are those of `etcd.proto`, and no other library's."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from backends.etcd.proto import etcd_pb2

ROOT = Path(__file__).parents[2]
PROTO = "backends/etcd/proto/etcd.proto"
GENERATED = "backends/etcd/proto/etcd_pb2.py"


def without_release(generated: str) -> str:
    """Leave out the release of protobuf, which differs with the generator's."""
    text = re.sub(r"(?m)^# Protobuf Python Version: .*$", "", generated)
    return re.sub(r"Domain\.PUBLIC,\s+\d+,\s+\d+,\s+\d+,", "", text)


def test_what_is_generated_is_up_to_date_with_its_proto(tmp_path: Path) -> None:
    subprocess.run(
        [
            sys.executable,
            "-m",
            "grpc_tools.protoc",
            "--proto_path=.",
            *(f"--python_out={tmp_path}", PROTO),
        ],
        cwd=ROOT,
        check=True,
        timeout=60,
    )
    fresh = (tmp_path / GENERATED).read_text()
    assert without_release(fresh) == without_release((ROOT / GENERATED).read_text()), "make stubs"


@pytest.mark.parametrize("name", sorted(etcd_pb2.DESCRIPTOR.message_types_by_name))
def test_the_types_name_the_fields_of_each_message(name: str) -> None:
    types = (ROOT / GENERATED).with_suffix(".pyi").read_text()
    declared = re.search(rf"class {name}\(_message\.Message\):\n    __slots__ = (\(.*\))\n", types)
    assert declared is not None
    fields = [field.name for field in etcd_pb2.DESCRIPTOR.message_types_by_name[name].fields]
    assert re.findall(r'"(\w+)"', declared[1]) == fields


def test_no_message_has_a_name_that_etcd_s_own_stubs_have() -> None:
    """Protobuf takes one definition of a full name in a process, and refuses a second."""
    assert etcd_pb2.DESCRIPTOR.package == "dyntop.etcd"
    assert etcd_pb2.DESCRIPTOR.name == PROTO
