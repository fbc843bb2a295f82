"""Tests of what a program's verify record says, and of who writes it."""
