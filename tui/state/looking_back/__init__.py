"""What is found out of events once they are shown.

Each module uses only modules below it in this list:

    earlier      events from before the start
    unexplained  removals that have no reason yet
"""
