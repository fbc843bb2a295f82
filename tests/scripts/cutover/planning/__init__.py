"""What is decided before anything starts."""
