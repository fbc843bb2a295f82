"""Releases: what is tested of one when it is out, and before."""
