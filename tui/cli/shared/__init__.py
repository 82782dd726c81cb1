"""The steps that several commands share: reading a store, matching words, asking, removing."""
