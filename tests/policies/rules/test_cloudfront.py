"""Rules for content delivery, where their examples do not reach."""
