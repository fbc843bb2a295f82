"""Cutovers: traffic moved from one release to another in steps, judged at each, and back."""
