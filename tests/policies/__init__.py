"""Tests of the rules, their examples, waivers and the policy pack."""
