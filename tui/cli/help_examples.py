"""The texts that `--help` prints below the flags, for dyntop and for each command."""

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
  dyntop --context prod                    ... with [contexts.prod], see below
  dyntop --probe never                     ... and connect to no worker
  dyntop list models -o json               for scripts; see dyntop list --help
  dyntop show 7d7ba1fd2395771f             one worker, key or model; see dyntop show --help
  dyntop check                             whether all is alive; see dyntop check --help
  dyntop wait --model NAME --timeout 300   until a model is served; see dyntop wait --help
  dyntop tap prod/backend/kv-events        what is published; see dyntop tap --help

contexts, in dyntop/settings.toml in $XDG_CONFIG_HOME (default ~/.config). Precedence: flags,
context, environment. Passwords come from the environment only:
  [contexts.prod]
  backend = "etcd"                         or "file" or "nats"
  endpoints = ["https://etcd-0:2379"]      for the file store: file_store = "/data/dynamo_kv"
  nats = "nats://nats-0:4222"              as --nats
  namespace = "prod"
  read_only = true                         no flag and no variable unsets it
  metrics = ["http://frontend-0:8000"]     as --metrics

environment (Dynamo's own names; flags override them):
  DYN_DISCOVERY_BACKEND  etcd (default) or file
  ETCD_ENDPOINTS         http://host:port,... (default http://localhost:2379)
  ETCD_AUTH_USERNAME, ETCD_AUTH_PASSWORD
  ETCD_AUTH_CA, ETCD_AUTH_CLIENT_CERT, ETCD_AUTH_CLIENT_KEY    a path or the PEM text itself
  DYN_FILE_KV            the file store's folder (default $TMPDIR/dynamo_store_kv)
  NATS_SERVER            as --nats (default, for the nats store: nats://localhost:4222)
  NATS_AUTH_USERNAME, NATS_AUTH_PASSWORD, NATS_AUTH_TOKEN, NATS_AUTH_NKEY,
  NATS_AUTH_CREDENTIALS_FILE, NATS_TLS_CA_CERT_PATH, NATS_TLS_CLIENT_CERT_PATH,
  NATS_TLS_CLIENT_KEY_PATH, NATS_TLS_INSECURE (1: accept any server certificate)
  DYN_NAMESPACE          as --namespace; with DYN_NAMESPACE_WORKER_SUFFIX, only that generation
  DYN_NAMESPACE_PREFIX   all namespaces with this prefix; overrides DYN_NAMESPACE
  DYNTOP_CONTEXT         as --context
  DYNTOP_READ_ONLY       1: as --read-only
  DYNTOP_METRICS         as --metrics
  DYNTOP_LOG, DYNTOP_LOG_LEVEL    as --log and --log-level
  XDG_STATE_HOME         the folder for the audit of removals and for crash reports (default
                         ~/.local/state)

exit codes: 0 done, 1 refused, nothing of that name, (check) findings, or (diff) differs, 2 usage,
  3 store unreachable, 4 not authorised, 5 (wait) timed out
"""

SHOW_EXAMPLES = """\
examples:
  dyntop show 7d7ba1fd2395771f                a worker: its ids, lease, evidence, and all its keys
  dyntop show instance_id=9041998785472198431 the same, as Dynamo logs it
  dyntop show 10.0.0.7:9000                   the process at this address
  dyntop show acme/tiny-llm -o json           a model with its cards and adapters
  dyntop show acme/tiny-llm --compare         its cards in a conflict, field by field
  dyntop show v1/mdc/prod/backend/generate/7d7ba1fd2395771f    one key with its value

exit codes: 1 if the name matches nothing, or several things (which are then listed)
"""

LIST_EXAMPLES = """\
examples:
  dyntop list                                      everything, as a table
  dyntop list endpoints -n prod -c backend         one component's instances
  dyntop list -n 'prod*' -c 'decode*'              all names with these prefixes
  dyntop list models -o json | jq -r '.[].model_name'
  dyntop list workers                              one row for each process
  dyntop list models -o wide                       all columns: host, revision, key, ...
  dyntop list endpoints -o ndjson                  one JSON object a line
  dyntop list workers --sort state                 the worst first
  dyntop list endpoints --columns id,host,state --no-headers
  dyntop list endpoints 5966040411970599703        one id, in decimal as Dynamo logs it
  dyntop list endpoints -n prod --watch            then every change
  dyntop list channels -t kv-events --liveness     with verdicts and their evidence
  dyntop list endpoints --probe -o json            ... after probing each address, too
  dyntop list -o name | grep 7d7ba1fd2395771f      keys, as dyntop unregister takes them
  dyntop list workers --revision 184230            as it was at this revision of etcd
"""

DIFF_EXAMPLES = """\
Compares what was registered at two revisions of etcd, as far as they are not compacted: which
records came, went, or hold another value or lease, with the fields that differ. A key that was
written again the same does not differ; with --events it is printed, too. etcd keeps no time of any
revision, and does not tell a removal by hand from the end of a lease. In a NATS store a revision is
a time in microseconds since 1970, and as much is known as the buckets' history keeps. File stores
and Kubernetes keep no past.
Of recordings two times are compared, or one time and the store as it is now (live). With --events
every change between two times of one recording is printed. TIME is as of dyntop events --since. A
time at which the store was not followed is refused, since nothing is known of it.
Exit codes: 0 nothing differs, 1 something does, 2 or more something went wrong.

examples:
  dyntop diff night.dyntop@03:10 night.dyntop@03:20
  dyntop diff models night.dyntop@10m live         what changed since then
  dyntop diff --from 184230                        what changed from then until now
  dyntop diff --from 184230 --to 184310 -n prod    ... until then, in one namespace
  dyntop diff endpoints --from oldest --events     every change that is still known
  dyntop diff --from 184230 -o json | jq -r '.[] | [.change, (.record // .previous).key] | @tsv'
  dyntop list --revision 184230                    all that was registered then
"""

WATCH_EXAMPLES = """\
Each line is one object: {"event": "added", "time", "record"}, {"event": "removed", "time", "id",
"why", "reason"} or {"event": "resync", "time", "revision"}. First comes an added for each record,
then one resync, then every change; a changed value is added again. After a gap the differences
come, then a resync. In a file store the worker of a channel is null until its source appears.
"why" is a sentence as in the dashboard's Events, "reason" the same as data; null if unknown. A
reason that is found later comes as {"event": "explained"} with the same members.

examples:
  dyntop watch                                     everything
  dyntop watch endpoints -n prod -c backend
  dyntop watch | jq -r 'select(.event == "removed") | [.id.key, .why] | @tsv'
"""

RECORD_EXAMPLES = """\
It needs no screen and writes nothing into the store. Beside the changes it has readings of leases,
so that it can be told later whether a lease ran out or was revoked, and what the audit on this
machine says of drains. The files are for you alone and hold no password of dyntop's; values are as
they were registered, but for credentials in URLs. SIGINT and SIGTERM end it in order; after kill -9
all but the last second is there. docs/reference/recordings.md describes the format.

examples:
  dyntop record night.dyntop                             at most 1G, the oldest is dropped
  dyntop record -n prod --max-size 500M --max-age 7d week.dyntop
  zstd -dc night.dyntop | jq -c 'select(.kind == "delete") | [.at, .key]'
"""

CHECK_EXAMPLES = """\
Checks each lease once. With --probe also each address: connect checks that the port is open, deep
also that the process answers, which writes a line into a worker's log. The verdict unknown is no
finding; standard error shows how many there are.
With --model it checks one model or adapter: how many of its workers are routable, by role, and why
the others are not. A model that is not registered is a finding. So is a host (--host) or a
namespace (-n, on the command line) where nothing is known to be alive.
Exit codes: 0 all is live, or (--model) the model is served at every frontend; 1 findings, or not
served, or (--host, -n) nothing alive is there; 3 store unreachable, 4 not authorised.

examples:
  dyntop check                                     everything, by the leases
  dyntop check endpoints -n prod --probe           ... and whether ports are open
  dyntop check --model acme/tiny-llm --probe       whether a model is served
  dyntop check --host 10.0.0.7                     the workers at one host
  dyntop check -o prometheus                       metrics for a textfile collector
  dyntop check --probe=deep -o json | jq -r '.[] | [.verdict, .key, .evidence[0]] | @tsv'
"""

WAIT_EXAMPLES = """\
Follows the store, checks leases and probes the model's workers as the dashboard does, and probes
them once more before it succeeds. Each change is a line on standard error. A model is served when
its workers can answer requests: decode and prefill workers need each other.
Exit codes: 0 reached, 3 store unreachable, 4 not authorised, 5 not within --timeout.

examples:
  dyntop wait --model acme/tiny-llm --timeout 300             until the model is served
  dyntop wait --model acme/tiny-llm --workers 8 --timeout 600
  dyntop wait --model acme/tiny-llm --gone --timeout 60       until it has no card left
"""

TAP_EXAMPLES = """\
Only listens: subscribes to the channel's subject (on NATS_SERVER or --nats), or connects to its
 publisher's ZMQ address. Messages published at other times are not kept.

With -o json each line is one object: {"time", "channel", "topic", "publisher", "worker",
"sequence", "published_at", "size", "codec", "summary", "payload", "problem", "raw"}; ids and hashes
are lower-case hex; raw is the base64 of a message that could not be decoded, else null.

examples:
  dyntop tap prod/backend/kv-events                all publishers of the channel
  dyntop tap prod/backend/kv-events --filter 'removed dp_rank:1'
  dyntop tap v1/event_channels/...                 one channel, by its key
  dyntop tap prod/backend/kv_metrics --count 1 -o json | jq .payload
  dyntop tap prod/backend/kv-events --for 10 > /dev/null     counts the messages of 10 s
"""

UNREGISTER_EXAMPLES = """\
A key is removed only at the revision that was seen: a key that changes meanwhile stays. A live
worker that loses its key keeps running, but gets no requests until it restarts. Each removal is
written to the audit first: dyntop restore puts it back.

Stale keys are expired, orphaned or malformed, or have no lease and an address that does not answer.
--stale probes every address first, unless --probe never is given.

examples:
  dyntop unregister v1/instances/prod/backend/generate/7d7ba1fd2395771f
  dyntop unregister --dry-run KEY...               shows the keys, and removes nothing
  dyntop unregister --yes --revision 42 KEY        for scripts: this revision or nothing
  dyntop list -o name -n old | dyntop unregister --yes -
  dyntop unregister --stale -n prod --dry-run      shows stale keys with their evidence
  dyntop unregister --stale                        asks for each
"""

DRAIN_EXAMPLES = """\
Removes the worker's endpoint instances only: its process keeps running, its cards stay, and clients
stop routing to it. dyntop restore puts them back. Its addresses are probed first, unless --probe
never is given: the question shows whether it answers.

In Kubernetes that holds until the worker itself changes what it has registered. --lasting removes
no key: it takes a label off the worker's pod, so that clients discover none of its processes until
dyntop restore puts the label back.

examples:
  dyntop list workers                              to find the id
  dyntop drain 7d7ba1fd2395771f                    asks for the id once more
  dyntop drain --dry-run 7d7ba1fd2395771f          shows the keys, and removes nothing
  dyntop drain --lasting 7d7ba1fd2395771f          Kubernetes: by a label of its pod
"""

RESTORE_EXAMPLES = """\
Puts back the same bytes under the same key and lease. An existing key is never replaced, and a key
whose lease has ended cannot be put back. In Kubernetes, ID may be the name of a pod that a lasting
drain took out of discovery, on whichever machine; without an ID those pods are listed.

examples:
  dyntop history                                   to find the id
  dyntop restore 20261121-134501-3f2a              all of an act
  dyntop restore 20261121-134501-3f2a.2            its second key
  dyntop restore                                   pods that are out of discovery
  dyntop restore dynamo/prod-backend-0             one of them
  dyntop restore --dry-run 20261121-134501-3f2a    shows the keys, and restores nothing
"""

HISTORY_EXAMPLES = """\
Reads the audit of all dyntops of this user. Needs no store.

examples:
  dyntop history                                   all acts, the newest last
  dyntop history -N 1                              the last act
  dyntop history -o json | jq -r '.[] | select(.act == "drain") | .id'
"""

EVENTS_EXAMPLES = """\
Needs no store. Prints what came, changed and went, and when the store was lost, with reasons as in
the dashboard's Events, as far as the recording has them: the leases as they were read then. Of a
time in which nothing was recorded it prints that, and what was different afterwards. Times are
those of this machine's time zone, in JSON of UTC. A file that is cut off is read up to there.
Exit codes: 0 done, 2 usage, also: it cannot be read as a recording.

examples:
  dyntop events night.dyntop                       everything
  dyntop events night.dyntop --since 10m           the last ten minutes of it
  dyntop events night.dyntop --since 03:10 --until 03:20 --causes
  dyntop events night.dyntop --filter 'removed not renewed' -n prod
  dyntop events night.dyntop -o ndjson | jq -r 'select(.event == "removed") | [.time, .id.key]'
"""

REPLAY_EXAMPLES = """\
Opens a recording of dyntop record, with its parts (FILE.1, FILE.2, ...), paused at its start, or a
report, at its end. Nothing is connected to, and nothing can be changed: verdicts, ages and events
are those of the moment that is shown. p plays and pauses, L and H change the speed, ] and [ go to
the next and the previous change, ) and ( to removals, . and , to deaths, } and { by a minute, @ to
a time.
Exit codes: 0 done, 2 usage, also: it cannot be read as a recording.

examples:
  dyntop replay night.dyntop
  dyntop replay night.dyntop --at 03:12 --play --speed 10
  dyntop replay night.dyntop --at 10m -n prod      its last ten minutes, of one namespace
"""

STATS_EXAMPLES = """\
Queries all services on NATS (NATS_SERVER or --nats) once, for one second, and joins their answers
with the instances in the store. Workers on the NATS request plane have services, workers on
the TCP request plane have none. A paused service looks the same as one that is gone.
With -o json it prints a list of objects; with --interval too, one object a line.
Exit codes: 0 done, 2 usage (also: no NATS is set), 3 store or NATS unreachable, 4 not authorised.

examples:
  dyntop stats                                     totals, and each instance
  dyntop stats -n prod -c backend --interval 5     with rates
  dyntop stats -o json | jq -r '.[] | select(.answer == "silent") | .subject'
  dyntop stats -o prometheus | sponge /var/lib/node_exporter/dynamo.prom
"""

DOCTOR_EXAMPLES = """\
Looks at settings, host name, port, TLS, the server's answer, login, what may be read and removed,
what is registered and by which releases, clocks, NATS, frontends (--metrics), alarms and changes of
etcd's leader. Writes nothing: what may be removed is learnt from what the store tells of rights.
Signs: \u2713 ok, ! look at it, \u2717 mend it, - does not apply, is not told, or was skipped.
Exit codes: 0 nothing to mend; else by the first step to mend: 2 its settings, 3 unreachable,
4 not authorised, 1 another.

examples:
  dyntop doctor                                    the store that dyntop would use
  dyntop doctor --context prod --timeout 3
  dyntop doctor -o json | jq -r '.[] | select(.result == "failed") | [.kind, .remedy] | @tsv'
"""

REPORT_EXAMPLES = """\
A recording for a bug report: all that is registered now with its leases, probes and drains, what
was before, versions, and the settings with where they come from, without secrets. dyntop events
opens it. Names, addresses and values are in it: read them before you send it. FILE is for you
alone, and never replaced.

examples:
  dyntop report bug.dyntop                         with the last changes that the store still knows
  dyntop report bug.dyntop --from night.dyntop --last 2h
  zstd -dcq bug.dyntop | head -1 | jq .report
"""

CONFIG_EXAMPLES = """\
config show prints the settings that a run with the same options and environment has, each with its
source: an option, a variable, context NAME, settings.toml or default. Secrets are printed as ***.
Standard error names variables that are set and not used. config check reads settings.toml and
contexts.toml, and prints each thing that is wrong in them. Neither connects to anything.
Exit codes: 0 done, 2 something is wrong.

examples:
  dyntop config show
  dyntop config show --context prod -n ''
  dyntop config show -o json | jq -r '.[] | select(.source != "default") | .setting'
  dyntop config check
"""

COMPLETION_EXAMPLES = """\
Prints a script that completes commands, options and choices. It completes names, too: models, ids,
namespaces, components, endpoints, topics, hosts, keys and pods of lasting drains from the store
that the words before the cursor, a context or the environment name; and contexts and acts. The
store has 300 ms to answer, else its names are left out. A name is quoted for the shell, whatever
characters it has, and never runs anything.

one of these lines, in the file that the shell reads at its start:
  eval "$(dyntop completion bash)"                 bash: ~/.bashrc
  eval "$(dyntop completion zsh)"                  zsh: ~/.zshrc, below compinit
  dyntop completion fish | source                  fish: ~/.config/fish/config.fish
"""
