"""What the project's environments declare, read from their recorded plans."""
