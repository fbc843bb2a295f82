"""Endpoints asked from outside whether they are well: what asks, and the code that it runs."""
