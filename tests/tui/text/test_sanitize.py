"""What is left of a name that does not fit."""

from __future__ import annotations

import pytest

from tui.text.sanitize import clip_host, clip_path, width

DOMAIN = "eu-west-1.compute.internal"


@pytest.mark.parametrize("cells", [12, 13, 14, 15, 20, 30])
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (f"ip-10-0-12-34.{DOMAIN}", f"ip-10-0-12-35.{DOMAIN}"),
        (f"gpu-node-with-a-long-name-a.{DOMAIN}", f"gpu-node-with-a-long-name-b.{DOMAIN}"),
        (f"a-gpu-node-with-a-long-name.{DOMAIN}", f"b-gpu-node-with-a-long-name.{DOMAIN}"),
        ("fd00:aaaa:bbbb:cccc:dddd:eeee:ffff:1", "fd00:aaaa:bbbb:cccc:dddd:eeee:ffff:2"),
    ],
)
def test_hosts_of_one_domain_differ_where_they_are_cut(one: str, other: str, cells: int) -> None:
    cut = [clip_host(host, cells) for host in (one, other)]
    assert cut[0] != cut[1]
    assert all(width(host) <= cells and "…" in host for host in cut)


@pytest.mark.parametrize("host", ["10.0.12.34", "gpu-0", "gpu-0.rack", "a.b, c.d", ""])
def test_a_host_that_fits_is_whole(host: str) -> None:
    assert clip_host(host, 12) == host


@pytest.mark.parametrize("cells", [32, 36, 40])
def test_namespaces_differ_where_they_are_cut_at_their_start_or_end(cells: int) -> None:
    for names in (
        ("team-alpha-prod-inference-qwen", "team-omega-prod-inference-qwen"),
        ("inference-prod-qwen3-235b-7b13b437", "inference-prod-qwen3-235b-9f8e7d6c"),
    ):
        cut = [clip_path(f"{name}/backend/generate", cells) for name in names]
        assert cut[0] != cut[1]
        assert all(width(path) <= cells and "…" in path for path in cut)
        assert all(path.endswith("/backend/generate") for path in cut)
