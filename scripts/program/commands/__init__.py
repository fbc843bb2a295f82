"""What `slipway program` does, a module each; `scripts/program/cli.py` only parses."""
