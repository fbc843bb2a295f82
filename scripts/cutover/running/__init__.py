"""A cutover as it runs: forward, back, and what is watched after it, on a journal."""
