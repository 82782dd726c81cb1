"""Every sentence, number and cell that people read. No Textual and no state in here."""
