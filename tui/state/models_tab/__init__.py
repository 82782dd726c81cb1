"""The rows of the tab Models.

Each module uses only modules below it in this list:

    model_rows     models, below each its adapters, and below either the cards of its workers
    row_summaries  the state of many cards, how many of their workers are routable, and why not all
"""
