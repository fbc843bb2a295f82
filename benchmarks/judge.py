"""Counts how many times a second the rules judge a resource of the plan in the file named.

Printed twice: for the judgements made, a rule on a resource of a type that it concerns; and for the
pairs of a rule and a resource that are settled, for the others by the type alone. On all cores, a
process each.
"""

# ruff: noqa: INP001 a script, not a package

import gc
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from plan.file import read_plan
from policies.configuration import settings_by_rule
from policies.judgement import judge
from policies.registry import rules
from standards import Tier

TIMES = 3


def judged(path: str) -> tuple[float, float]:
    """Judgements and pairs a second of one process, the best of a few."""
    gc.disable()
    plan = read_plan(Path(path))
    every = list(rules().values())
    settings = settings_by_rule(every, Tier.PRODUCTION)
    concerning = Counter(type_ for rule in every for type_ in rule.types)
    judgements = sum(concerning[resource.type] for resource in plan.resources)
    seconds = float("inf")
    for _ in range(TIMES):
        start = time.perf_counter()
        judge(plan, every, settings)
        seconds = min(seconds, time.perf_counter() - start)
    return judgements / seconds, len(every) * len(plan.resources) / seconds


if __name__ == "__main__":
    cores = os.cpu_count() or 1
    with ProcessPoolExecutor(cores) as pool:
        found = list(pool.map(judged, [sys.argv[1]] * cores))
    made, settled = (sum(each) for each in zip(*found, strict=True))
    sys.stdout.write(
        f"in process, {cores} cores: {made:,.0f} judgements, "
        f"{settled:,.0f} pairs of rule and resource a second\n"
    )
