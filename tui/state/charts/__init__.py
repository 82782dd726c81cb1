"""The charts of one model, frontend or worker, in plain Python: nothing in here imports Textual.

Each module uses only modules below it in this list:

    chart_panels   the panels of a row, and what is said below them
    chart_subject  what charts are of
"""
