"""Reading and checking environments."""
