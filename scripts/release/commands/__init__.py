"""What the commands of `slipway release` do."""
