"""A cutover before it starts: what is asked for, its steps, and what they are bound to."""
