#!/bin/sh
# kubernetes_asyncio 36.1.0, Python 3.11, Linux. Seen 2026-11-30.
#
# A context of a kubeconfig needs no user: a client then sends no credentials (a proxy on the way adds
# them, or anybody may read). load_kube_config reads such a context for a server at http://, and raises
# TypeError for the same one at https://, because it looks for a client certificate in a user that is
# None. ConfigException, which it raises for other configurations that it cannot use, is no base class
# of that, so a program that catches only ConfigException ends with a traceback.
#
# Seen:
#     http, no user       https, no user             https, a user without anything
#     read                TypeError                  read
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

import yaml
from kubernetes_asyncio.client import Configuration
from kubernetes_asyncio.config import load_kube_config

PATH = sys.argv[1]


def kubeconfig(server, user):
    context = {"cluster": "lab"} | ({"user": "me"} if user else {})
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "lab",
        "clusters": [{"name": "lab", "cluster": {"server": server}}],
        "contexts": [{"name": "lab", "context": context}],
        "users": [{"name": "me", "user": {}}] if user else [],
    }


async def outcome(server, *, user):
    with open(PATH, "w") as file:
        yaml.safe_dump(kubeconfig(server, user), file)
    try:
        await load_kube_config(PATH, client_configuration=Configuration())
    except Exception as error:
        return type(error).__name__
    return "read"


async def main():
    found = [
        await outcome("http://127.0.0.1:6443", user=False),
        await outcome("https://127.0.0.1:6443", user=False),
        await outcome("https://127.0.0.1:6443", user=True),
    ]
    print(*found, sep="\n")
    return found == ["read", "TypeError", "read"]


sys.exit(not asyncio.run(main()))
PYTHON
"$dir/venv/bin/python" "$dir/see.py" "$dir/kubeconfig"
