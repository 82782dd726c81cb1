"""The state behind the dashboard, in plain Python: nothing in here imports Textual."""
