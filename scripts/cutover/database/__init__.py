"""Database changes of a release: their class, what it allows, and the way back."""
