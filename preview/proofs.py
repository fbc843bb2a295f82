"""Proofs: what has to be found in a thing before it counts as serving a requirement.

A citation proves nothing. A proof looks for all that the sentence asks, and whatever is taken away
from the thing shows as missing, in the trace and in the tests.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from preview.trace import Means, Serving
from standards import Tier

Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof(Generic[Thing]):
    """That the thing `name` serves `requirement` in `environments`, where nothing is missing."""

    requirement: str
    name: str
    environments: tuple[Tier, ...]
    missing: Callable[[Thing], Iterator[str]]
    """What the sentence asks and the thing lacks, one sentence each."""


def serving(proofs: Iterable[Proof[Thing]], thing: Thing, by: Means) -> list[Serving]:
    """What `thing` serves, by those of `proofs` that find all they look for."""
    return [
        Serving(
            requirement=proof.requirement, by=by, name=proof.name, environments=proof.environments
        )
        for proof in proofs
        if next(proof.missing(thing), None) is None
    ]
