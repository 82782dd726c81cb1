"""Metrics of Dynamo's processes: Prometheus text, scraped while the result is visible.

Frontends report on models (`dynamo_frontend_…`), workers on their endpoints (`dynamo_component_…`).

Import from the modules: `scrape_targets` (what to scrape), `scraper` (scraping once), `poller`
(scraping at intervals), `latest` (the last results), `overview` (joined to the registered records),
`hour` and `figure_series` (the last hour of it), `reports` (frontends, for verdicts), `in_flight`
(a drained worker's requests), `prometheus_text` (writing metrics). Internal: `catalogue` (names of
metrics), `parse`, `histogram`, `rates`, `served`, `card_cache`."""
