"""Says whether a commit may go to production: `promoted.py BEFORE COMMIT`.

`main` is only ever fast-forwarded, to a commit of `develop` that passed staging (ENV-01, ENV-04),
and production runs the very images that staging ran (PIPE-07).
"""

import argparse
import subprocess
from collections.abc import Iterator
from typing import Final, cast

from environments import Environment, load, names
from standards import Tier
from tools.ci.github import NEW, passed
from tools.ci.steps import PROJECT, StepError, run, say

STAGING_WORKFLOW: Final = "deploy.yaml"


def main(arguments: list[str]) -> int:
    """Refuse a commit that may not go to production; the exit code."""
    parser = argparse.ArgumentParser(prog="promoted.py", description=__doc__)
    parser.add_argument("before", help="where the branch of production stood")
    parser.add_argument("commit")
    asked = parser.parse_args(arguments)
    records = {name: load(name, PROJECT) for name in names(PROJECT)}
    staging = _of(Tier.STAGING, records)
    source = staging.release.branch
    if asked.before != NEW and not _is_ancestor(asked.before, asked.commit):
        raise StepError(
            f"{asked.commit} does not follow {asked.before}: the branch of production is only"
            " fast-forwarded"
        )
    if not _is_ancestor(asked.commit, f"origin/{source}"):
        raise StepError(f"{asked.commit} is not on {source}: merge it there first (ENV-04)")
    if not passed(STAGING_WORKFLOW, asked.commit, source):
        raise StepError(
            f"{asked.commit} has not passed {staging.name}: {STAGING_WORKFLOW} has no run on"
            f" {source} that succeeded for it (PIPE-07)"
        )
    if problems := list(unlike(staging, _of(Tier.PRODUCTION, records))):
        raise StepError("\n".join(problems))
    say(f"{asked.commit} passed {staging.name} and may go to production")
    return 0


def unlike(staging: Environment, production: Environment) -> Iterator[str]:
    """Which settings of production name an image that staging did not run."""
    ran = dict(_images(staging.model_dump(mode="json", by_alias=True)))
    for key, digest in _images(production.model_dump(mode="json", by_alias=True)):
        if ran.get(key) != digest:
            yield (
                f"{key}: {production.name} would run {digest}, {staging.name} ran"
                f" {ran.get(key, 'none')} (PIPE-07)"
            )


def _images(value: object, key: str = "") -> Iterator[tuple[str, str]]:
    """The digest of every image that a record names, by its setting."""
    if isinstance(value, dict):
        for name, item in cast("dict[str, object]", value).items():
            yield from _images(item, f"{key}.{name}" if key else name)
    elif isinstance(value, str) and "@sha256:" in value:
        yield key, value.rpartition("@")[2]


def _of(tier: Tier, records: dict[str, Environment]) -> Environment:
    found = [record for record in records.values() if record.tier is tier]
    if len(found) != 1:
        raise StepError(f"there are {len(found)} environments of the tier {tier}, not one")
    return found[0]


def _is_ancestor(one: str, other: str) -> bool:
    asked = subprocess.run(  # noqa: S603 - git, with commits
        ["git", "merge-base", "--is-ancestor", one, other],  # noqa: S607
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    if asked.returncode not in {0, 1}:
        raise StepError(f"git knows no commit {one} or {other}: {asked.stderr.strip()}")
    return asked.returncode == 0


if __name__ == "__main__":
    run(main)
