#!/bin/sh
# kubernetes_asyncio 36.1.0, Python 3.11, Linux. Seen 2026-11-30.
#
# A user of a kubeconfig may have both token and tokenFile. In client-go, and so in kubectl, the file
# goes before the token and is read again from time to time (rest.Config, BearerTokenFile), so that
# short-lived tokens can be replaced under a running program. load_kube_config takes the token and never
# opens the file; of tokenFile alone it keeps what it read first. For the token of a pod's service
# account, which is a file as well, the same library sets a hook that reads it again each minute.
#
# Seen:
#     token and tokenFile                        Bearer from-the-kubeconfig
#     tokenFile alone                            Bearer first
#     the same, asked again after a replacement  Bearer first
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
from kubernetes_asyncio.config import load_kube_config

FOLDER = Path(sys.argv[1])
TOKEN = FOLDER / "token"


async def loaded(user):
    path = FOLDER / "kubeconfig"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "lab",
        "clusters": [{"name": "lab", "cluster": {"server": "http://127.0.0.1:6443"}}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "me"}}],
        "users": [{"name": "me", "user": user}],
    }
    path.write_text(yaml.safe_dump(config))
    configuration = Configuration()
    await load_kube_config(str(path), client_configuration=configuration)
    return configuration


async def header(configuration):
    return (await configuration.auth_settings())["BearerToken"]["value"]


async def main():
    TOKEN.write_text("first")
    both = await loaded({"token": "from-the-kubeconfig", "tokenFile": str(TOKEN)})
    alone = await loaded({"tokenFile": str(TOKEN)})
    found = [await header(both), await header(alone)]
    TOKEN.write_text("second")
    # The library asks for a fresh token, if there is a way, at each request.
    assert alone.refresh_api_key_hook is None
    found.append(await header(alone))
    print(*found, sep="\n")
    return found == ["Bearer from-the-kubeconfig", "Bearer first", "Bearer first"]


sys.exit(not asyncio.run(main()))
PYTHON
"$dir/venv/bin/python" "$dir/see.py" "$dir"
