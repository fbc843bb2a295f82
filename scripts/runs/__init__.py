"""What every acting command stands on: steps, a journal, a lease, evidence."""
