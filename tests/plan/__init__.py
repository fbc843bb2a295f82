"""Tests of the plan: its values, its relations and its file."""
