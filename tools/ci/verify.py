"""Verifies a stack after it was applied: `verify.py STACK`.

A second preview changes nothing (PIPE-02), and the health endpoint that the internet reaches
answers.
"""

import argparse
from collections.abc import Iterator
from fnmatch import fnmatchcase
from time import monotonic, sleep
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from environments import Environment, load_stack
from tools.ci.engine import CHANGES, Engine
from tools.ci.steps import PROJECT, StepError, run, say

_PATIENCE_SECONDS: Final = 300
_PAUSE_SECONDS: Final = 5
_ANSWER_SECONDS: Final = 10
_WELL: Final = 200


def main(arguments: list[str]) -> int:
    """Verify the stack; the exit code."""
    parser = argparse.ArgumentParser(prog="verify.py", description=__doc__)
    parser.add_argument("stack")
    stack = load_stack(parser.parse_args(arguments).stack, PROJECT)
    ran = Engine(stack).run("preview", "--diff", "--expect-no-changes")
    if ran.code == CHANGES:
        raise StepError(f"{stack.name} was applied, and a second preview still proposes changes")
    ran.require()
    if isinstance(stack, Environment):
        for url in health_urls(stack):
            require_well(url, _PATIENCE_SECONDS)
    return 0


def health_urls(environment: Environment) -> Iterator[str]:
    """The health endpoints that the internet reaches: those that a service's paths lead to."""
    for service in environment.services.values():
        path = service.health_check.path
        if any(fnmatchcase(path, pattern) for pattern in service.paths):
            yield f"https://{environment.edge.name}{path}"


def require_well(url: str, patience: float) -> None:
    """Wait until `url` answers that all is well.

    Raises:
        StepError: it has not after `patience` seconds.
    """
    ends = monotonic() + patience
    while True:
        problem = _problem(url)
        if problem is None:
            say(f"{url}: well")
            return
        if monotonic() >= ends:
            raise StepError(f"{url}: {problem}, for {patience:.0f} s")
        sleep(_PAUSE_SECONDS)


def _problem(url: str) -> str | None:
    """What is wrong with the answer of `url`, None where nothing is."""
    try:
        with urlopen(url, timeout=_ANSWER_SECONDS) as answer:  # noqa: S310 - of the environment's file
            return None if answer.status == _WELL else f"answers {answer.status}"
    except HTTPError as error:
        with error:
            return f"answers {error.code}"
    except URLError as error:
        return str(error.reason)
    except OSError as error:
        return str(error)


if __name__ == "__main__":
    run(main)
