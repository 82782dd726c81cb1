"""The state behind the dashboard, in plain Python: nothing in here imports Textual.

Each module uses only modules below it in this list:

    timeline           play a recording along its timeline: a package
    navigation         where the dashboard is, and the ways from there: a package
    past               an earlier moment, and the moves along a timeline: a package
    overview           what is wrong, how models are served, and what happened: a package
    models_tab         the rows of the tab Models: a package
    dashboard          the state and actions of the dashboard, without its screen
    figures            figures of frontends, workers and NATS services: a package
    looking_back       earlier events, reasons of removals, and other namespaces: a package
    charts             the charts of a model or worker: a package
    removal_review     the records of a removal dialog: as shown, and as they are now
    empty              the text of a table without rows
    inspector          the detail of one record
    removal_options    the removals that `d` offers for a selection
    pod_events         what Kubernetes writes down about the pods of the detail
    probe_results      the result of a probe by hand, as a notice
    store_link         follow the store, and start again whenever that stops
    under_way          removals and restores that take a while
    batches            from a stream of events to batches
    reported_removals  remove and restore, and report how it ended
    columns            columns that several tabs have: a package
    record_states      verdicts, findings and ages of records
    shared_addresses   the workers that register one host and port
    column             what a column is, and how columns share the width of a table
    causes             the rows of the tab Events: a package
    observer           what a dashboard reports to its screen, and asks of it
    cluster_view       the cluster on screen, with its verdicts and history
    narrowing          what a filter shows, looked for step by step
    conditions         the words of a filter that name a time, a kind or a namespace
    sorted_rows        the rows of a table, in order
    store_state        the state of the store, for the header
    destinations       where a word, a key or a row leads
    tabs               the tabs, by their names
    timings            how long the dashboard waits
    watchdog           whether the dashboard still follows its store
"""
