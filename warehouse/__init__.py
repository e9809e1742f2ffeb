"""What the data means: SQL models, identity, profiles, and the ledger of what went out."""
