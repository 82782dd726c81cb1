#!/bin/sh
# kubernetes_asyncio 36.1.0, Python 3.11, Linux. Seen 2026-11-30.
#
# KUBECONFIG may list several files. By Kubernetes' documents ("Organizing Cluster Access Using
# kubeconfig Files") the first file that sets a value wins, current-context too, and relative paths are
# relative to the file that they stand in. load_kube_config keeps the first cluster, context and user of
# a name, but takes the current context of the last file: the same list then leads to another cluster
# than kubectl's. A relative client-certificate is looked for beside the file of the cluster, and not
# beside that of the user, so a user that has a file of its own cannot be loaded.
#
# Seen, with first:second, which both set current-context, and with cluster and user in two folders:
#     current context                             of-the-second
#     a client certificate beside its user        ConfigException: File does not exists
#     a client certificate beside the cluster     loaded
#
# Ends with 0 while that is so, with 1 once it is not.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" --quiet install kubernetes_asyncio==36.1.0
cat >"$dir/see.py" <<'PYTHON'
import asyncio
import sys
from pathlib import Path

import yaml
from kubernetes_asyncio.client import Configuration
from kubernetes_asyncio.config import ConfigException, load_kube_config

FOLDER = Path(sys.argv[1])


def write(path, **members):
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config"} | members))
    return str(path)


def cluster(name):
    return [{"name": name, "cluster": {"server": "https://127.0.0.1:6443"}}]


def context(name, user):
    return [{"name": name, "context": {"cluster": name, "user": user}}]


async def current_context():
    files = []
    for name in ("of-the-first", "of-the-second"):
        user = [{"name": name, "user": {"token": "x"}}]
        members = {"clusters": cluster(name), "contexts": context(name, name), "users": user}
        files.append(write(FOLDER / name, **members, **{"current-context": name}))
    loader = await load_kube_config(":".join(files), client_configuration=Configuration())
    return loader.current_context["name"]


async def certificate(beside):
    lab = write(
        FOLDER / "clusters" / "config",
        clusters=cluster("lab"),
        contexts=context("lab", "me"),
        **{"current-context": "lab"},
    )
    pem = {"client-certificate": "me.pem", "client-key": "me.pem"}
    me = write(FOLDER / "users" / "config", users=[{"name": "me", "user": pem}])
    for folder in ("clusters", "users"):
        (FOLDER / folder / "me.pem").unlink(missing_ok=True)
    (FOLDER / beside / "me.pem").write_text("only its name is looked at here")
    try:
        await load_kube_config(f"{lab}:{me}", client_configuration=Configuration())
    except ConfigException as error:
        return f"ConfigException: {str(error).partition(':')[0]}"
    return "loaded"


async def main():
    found = [await current_context(), await certificate("users"), await certificate("clusters")]
    print(*found, sep="\n")
    return found == ["of-the-second", "ConfigException: File does not exists", "loaded"]


sys.exit(not asyncio.run(main()))
PYTHON
"$dir/venv/bin/python" "$dir/see.py" "$dir"
