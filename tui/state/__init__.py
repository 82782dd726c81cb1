"""The state behind the dashboard, in plain Python: nothing in here imports Textual.

Each module uses only modules below it in this list:

    dashboard          all that the dashboard owns, without its screen
    metrics_detail     all that metrics show of one row
    record_columns     columns that several tabs have
    removal_review     what a question is about, as it was shown and as it is now
    empty              the text of a table without rows
    inspector          what is known of one record now
    metrics_rows       the rows of the tab Metrics
    removal_options    the removals that `d` offers for a selection
    probe_results      the result of a probe by hand, in a sentence
    store_link         follow the store, and start again whenever that stops
    under_way          removals and restores that take a while
    unexplained        removals whose reason is still to be asked for
    batches            from a stream of events to batches
    reported_removals  remove and restore, and report how it ended
    record_states      verdicts, findings and ages of records
    columns            the columns of a table, and how they share its width
    cluster_view       the cluster on screen, with its verdicts and history
    sorted_rows        the rows of a table, in order
    store_state        the state of the store, for the header
    watchdog           whether the dashboard still follows its store
"""
