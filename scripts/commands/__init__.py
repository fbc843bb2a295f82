"""What the console commands of this room do, one module each; `scripts/cli.py` only parses."""
