"""What the commands of `slipway cutover` do."""
