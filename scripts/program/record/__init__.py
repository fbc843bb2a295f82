"""Which source a program was built from, on chain for others to build it again: Otter Verify."""
