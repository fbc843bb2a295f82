"""The infrastructure: one component a file, and the function that wires them together."""
