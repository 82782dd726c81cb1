"""What is found out once a first snapshot or events are shown.

Each module uses only modules below it in this list:

    beside       the namespaces beside the one that is shown, where that has nothing
    earlier      events from before the start
    unexplained  removals that have no reason yet
"""
