"""What `--help` says below the flags, of dyntop and of each command. Nothing but texts."""

from __future__ import annotations

EXAMPLES = """\
examples:
  dyntop                                   the dashboard, on the store that Dynamo's settings name
  dyntop --demo                            the dashboard on a cluster in memory; needs nothing
  dyntop --endpoints http://etcd-0:2379    ... on this etcd
  dyntop --file-store /data/dynamo_kv      ... on this folder of Dynamo's file store
  dyntop --backend nats --nats nats://n0   ... on the KV buckets of this NATS
  dyntop -n prod --read-only               ... on namespace prod and those in it (prod.*)
  dyntop -n 'prod-*'                       ... on all generations of a deployment
  dyntop --context prod                    ... as [prod] in contexts.toml says, see below
  dyntop --probe never                     ... and connect to no worker
  dyntop list models -o json               for scripts; see dyntop list --help
  dyntop show 7d7ba1fd2395771f             one worker, key or model; see dyntop show --help
  dyntop check                             whether all is alive; see dyntop check --help
  dyntop wait --model NAME --timeout 300   until a model is served; see dyntop wait --help
  dyntop tap prod/backend/kv-events        what is published; see dyntop tap --help

contexts, in dyntop/contexts.toml in $XDG_CONFIG_HOME (default ~/.config); flags go before them, and
they before the environment, where all that they do not say comes from, passwords too:
  [prod]
  backend = "etcd"                         or "file" or "nats"
  endpoints = ["https://etcd-0:2379"]      for the file store: file_store = "/data/dynamo_kv"
  nats = "nats://nats-0:4222"              as --nats
  namespace = "prod"
  read_only = true                         no flag and no environment name undoes it
  metrics = ["http://frontend-0:8000"]     as --metrics

environment (Dynamo's own names; flags go before them):
  DYN_DISCOVERY_BACKEND  etcd (default) or file
  ETCD_ENDPOINTS         http://host:port,... (default http://localhost:2379)
  ETCD_AUTH_USERNAME, ETCD_AUTH_PASSWORD
  ETCD_AUTH_CA, ETCD_AUTH_CLIENT_CERT, ETCD_AUTH_CLIENT_KEY    a path or the PEM text itself
  DYN_FILE_KV            the file store's folder (default $TMPDIR/dynamo_store_kv)
  NATS_SERVER            as --nats (default, for the nats store: nats://localhost:4222)
  NATS_AUTH_USERNAME, NATS_AUTH_PASSWORD, NATS_AUTH_TOKEN, NATS_AUTH_NKEY,
  NATS_AUTH_CREDENTIALS_FILE, NATS_TLS_CA_CERT_PATH, NATS_TLS_CLIENT_CERT_PATH,
  NATS_TLS_CLIENT_KEY_PATH, NATS_TLS_INSECURE (1: takes any certificate of the server)
  DYN_NAMESPACE          as --namespace; with DYN_NAMESPACE_WORKER_SUFFIX, that generation of it
  DYN_NAMESPACE_PREFIX   all namespaces that begin so, before DYN_NAMESPACE
  DYNTOP_CONTEXT         as --context
  DYNTOP_READ_ONLY       1: as --read-only
  DYNTOP_METRICS         as --metrics
  DYNTOP_LOG, DYNTOP_LOG_LEVEL    as --log and --log-level
  XDG_STATE_HOME         where removals are written down, and faults of dyntop's own (default
                         ~/.local/state)

exit codes: 0 done, 1 refused, nothing of that name, or (check) findings, 2 usage,
  3 store unreachable, 4 not authorised, 5 (wait) not in time
"""

SHOW_EXAMPLES = """\
examples:
  dyntop show 7d7ba1fd2395771f                a worker: its ids, lease, evidence, and all its keys
  dyntop show instance_id=9041998785472198431 the same, as Dynamo logs it
  dyntop show 10.0.0.7:9000                   whatever process is there
  dyntop show acme/tiny-llm -o json           a model with its cards and adapters
  dyntop show v1/mdc/prod/backend/generate/7d7ba1fd2395771f    one key with its value

exit codes: 1 where nothing is named so, and where several things are: they are listed then
"""

LIST_EXAMPLES = """\
examples:
  dyntop list                                      everything, as a table
  dyntop list endpoints -n prod -c backend         one component's instances
  dyntop list -n 'prod*' -c 'decode*'              of all names that begin so
  dyntop list models -o json | jq -r '.[].model_name'
  dyntop list workers                              what each process registered, together
  dyntop list endpoints 5966040411970599703        of this id, as Dynamo logs it
  dyntop list channels -t kv-events --liveness     and whether they live, and why that is thought
  dyntop list endpoints --probe -o json            ... with each address asked, too
  dyntop list -o name | grep 7d7ba1fd2395771f      keys, as dyntop unregister takes them
"""

WATCH_EXAMPLES = """\
Each line is one object: {"event": "added", "time", "record"}, {"event": "removed", "time", "id",
"why", "reason"} or {"event": "resync", "time", "revision"}. First comes an added for each record
there is, then one resync, then every change; a changed value is added again. After a gap the
differences come, then a resync. In a file store the worker of a channel is null until its source
is there.
Why something went is a sentence as in the dashboard's Events, and the same as data; null where the
store does not tell. Where it shows only later, {"event": "explained"} has the same members again.

examples:
  dyntop watch                                     everything
  dyntop watch endpoints -n prod -c backend
  dyntop watch | jq -r 'select(.event == "removed") | [.id.key, .why] | @tsv'
"""

CHECK_EXAMPLES = """\
Each lease is asked for once. With --probe, so is each address: connect asks whether anybody
listens there, deep also whether the process itself answers, which is a line in a worker's log.
What nobody knows (unknown) is no finding; how many there are is said on standard error.
With --model it is about one model or adapter: how many of its workers a request reaches, by role,
and why not the others. A model that is not registered is a finding.
Exit codes: 0 all is live, or (--model) the model is served at every frontend; 1 findings, or it is
not; 3 store unreachable, 4 not authorised.

examples:
  dyntop check                                     everything, by the leases
  dyntop check endpoints -n prod --probe           and whether anybody listens
  dyntop check --model acme/tiny-llm --probe       whether requests for it are answered
  dyntop check --probe=deep -o json | jq -r '.[] | [.verdict, .key, .evidence[0]] | @tsv'
"""

WAIT_EXAMPLES = """\
It follows the store, asks for leases and probes the model's workers as the dashboard does, and asks
their addresses once more before it says that it is so. Each change is a line on standard error.
A model is served where workers answer requests for it: decode and prefill workers need each other.
Exit codes: 0 it is so, 3 store unreachable, 4 not authorised, 5 not within --timeout.

examples:
  dyntop wait --model acme/tiny-llm --timeout 300             until requests for it are answered
  dyntop wait --model acme/tiny-llm --workers 8 --timeout 600
  dyntop wait --model acme/tiny-llm --gone --timeout 60       until nothing of it is registered
"""

TAP_EXAMPLES = """\
It only listens: it subscribes to the channel's subject (NATS_SERVER or --nats says of which NATS),
or connects to its publisher's ZMQ address. What is published while nobody listens is gone.

With -o json each line is one object: {"time", "channel", "topic", "publisher", "sequence",
"published_at", "size", "codec", "summary", "payload", "problem", "raw"}; ids and hashes are
lower-case hex, raw is base64 of what could not be decoded, and only of that.

examples:
  dyntop tap prod/backend/kv-events                all its publishers, if they share a subject
  dyntop tap v1/event_channels/...                 one channel, by its key
  dyntop tap prod/backend/kv_metrics --count 1 -o json | jq .payload
  dyntop tap prod/backend/kv-events --for 10 > /dev/null     how many there are in 10 s
"""

UNREGISTER_EXAMPLES = """\
A key is removed only in the revision that it has when it is looked at. A live worker that loses its
key runs on, and clients do not route to it any more until it restarts. What is removed is written
down first: dyntop restore puts it back.

Stale is what nothing else will remove, or nobody can use: expired, orphaned, malformed, and what
does not answer and hangs on no lease. --stale asks every address first, but for --probe never.

examples:
  dyntop unregister v1/instances/prod/backend/generate/7d7ba1fd2395771f
  dyntop unregister --dry-run KEY...               shows what would go, and removes nothing
  dyntop unregister --yes --revision 42 KEY        for scripts: this revision or nothing
  dyntop list -o name -n old | dyntop unregister --yes -
  dyntop unregister --stale -n prod --dry-run      what is stale, and why
  dyntop unregister --stale                        asks for each
"""

DRAIN_EXAMPLES = """\
Removes the worker's endpoint instances, and only those: its process runs on, its cards stay, and
clients do not route to it any more. dyntop restore puts them back. Its addresses are asked first,
unless --probe never is given, so that the question says whether it answers.

examples:
  dyntop list workers                              to find the id
  dyntop drain 7d7ba1fd2395771f                    asks for the id once more
  dyntop drain --dry-run 7d7ba1fd2395771f          shows what would go, and removes nothing
"""

RESTORE_EXAMPLES = """\
Puts back the same bytes under the same key and lease. A key that is there is never replaced, and
what hung on a lease that has ended cannot be put back.

examples:
  dyntop history                                   to find the id
  dyntop restore 20261121-134501-3f2a              all of an act
  dyntop restore 20261121-134501-3f2a.2            its second key
  dyntop restore --dry-run 20261121-134501-3f2a    shows what would come back
"""

HISTORY_EXAMPLES = """\
Reads what was removed from the audit, by whichever dyntop of this user; needs no store.

examples:
  dyntop history                                   all that is kept, the newest last
  dyntop history -N 1                              the last act
  dyntop history -o json | jq -r '.[] | select(.act == "drain") | .id'
"""

STATS_EXAMPLES = """\
Asks all services of the NATS that NATS_SERVER or --nats names, once, within a second, and joins
what they say to the instances in the store. Workers of the NATS request plane have such services,
those of the TCP request plane have none. One that is paused looks like one that is gone.
With -o json it is a list of objects; with --interval too, one object a line.
Exit codes: 0 done, 2 usage (also: no NATS is named), 3 store or NATS unreachable, 4 not authorised.

examples:
  dyntop stats                                     totals, and each instance
  dyntop stats -n prod -c backend --interval 5     with rates
  dyntop stats -o json | jq -r '.[] | select(.answer == "silent") | .subject'
  dyntop stats -o prometheus | sponge /var/lib/node_exporter/dynamo.prom
"""
