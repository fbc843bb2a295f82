"""What an account shares: its state, identities, registries, and the record of who did what."""
