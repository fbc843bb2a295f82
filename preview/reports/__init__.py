"""What a person or a program reads of a verdict: one module a format."""
