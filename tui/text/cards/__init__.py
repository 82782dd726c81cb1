"""Model cards as text: the summary of a model, and cards beside each other. No Textual in here."""
