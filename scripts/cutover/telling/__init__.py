"""Telling: people hear of a cutover while it goes on, wherever they are."""
