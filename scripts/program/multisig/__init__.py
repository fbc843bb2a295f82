"""A program whose upgrades several people approve: Squads v4."""
