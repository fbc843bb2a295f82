"""Rules over a plan, and what they find."""
