"""What an environment costs a month, as far as its plan tells: an estimate, and what changed."""
