"""Tests of what the commands of `slipway cutover` show."""
