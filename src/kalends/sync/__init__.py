"""The sync engine's pure half: provider port, evidence, decide(), the in-memory provider."""
