"""Figures of frontends, workers and NATS services.

Each module uses only modules below it in this list:

    polled_figures  the figures, polled only while they are shown
    metrics_detail  the detail of a row of metrics, in sentences
    metrics_rows    the rows of the tab Metrics
"""
