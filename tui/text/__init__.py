"""Every sentence, number and cell that people read. No Textual and no state in here.

Each module uses only modules below it in this list:

    timeline        a timeline as a line, and what a recording is of: a package
    causes          causes of events, as sentences: a package
    cards           models and their cards: a summary, and cards beside each other
    aftermath       what remains after a removal
    past            what changed between two revisions
    doctor          the steps of an examination, and what to do
    detail_lines    a detail as lines, folded to a width
    irreversible    why a removed record cannot be put back
    json_export     records as JSON, for scripts
    services        figures of NATS services
    serving         whether models are served, and why not
    tab_titles      the titles of all tabs beside each other
    tap             messages of an event channel
    charts          charts as lines: a package
    consequences    what removing a record does
    detail          all that is known of a record
    evidence        evidence as JSON, for scripts
    brief_evidence  evidence in few words, for a column
    short           reasons in one to three words, for a narrow column: a package
    numbers         figures in a few cells, with their units
    suggestions     what a mistyped word may have meant
    sparkline       a series of numbers as a row of bars
    owner           the object, pod and container of a record
    pod_events      what Kubernetes wrote down about a pod
    reasons         why a record came or went
    format          durations, states and kinds
    outcomes        how removing and restoring ended
    errors          an error as one sentence, with its exit code
    host_clock      the steady time that ages are measured by
    timestamps      times, for people, programs and the log
    sanitize        the border between untrusted text and the terminal
"""
