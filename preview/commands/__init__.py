"""What `slipway preview`, `plan` and `check` do; `scripts/cli.py` reads their arguments."""
