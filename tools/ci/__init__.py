"""The steps of the workflows, which run on a laptop too: `.venv/bin/python -m tools.ci.apply …`.

Each says on stderr what it refuses and why. Exit codes: 0 done or clean, 1 failed, 2 usage or bad
input, 3 pending or drift.
"""
