"""Every figure of the standards stands in the sentence that it is written beside."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standards import Requirement, requirements
from tests.standards.sentences import BESIDE, LISTED, WORDED, WORDS, problems

WITH_FIGURES = [requirement for requirement in requirements().values() if requirement.values]
PLACES = [(requirement.id, key) for requirement in WITH_FIGURES for key in requirement.values]

AMOUNTS = {amount for requirement in WITH_FIGURES for amount in requirement.values.values()}


def changed(requirement: Requirement, key: str, amount: float) -> Requirement:
    """`requirement` with another number under `key`."""
    return replace(requirement, values={**requirement.values, key: amount})


@pytest.mark.parametrize("requirement", requirements().values(), ids=lambda found: found.id)
def test_figures_and_sentence_agree(requirement: Requirement) -> None:
    """Every figure is in its sentence, and every number of the sentence is a figure."""
    assert problems(requirement) == []


@pytest.mark.parametrize(("identifier", "key"), PLACES)
@pytest.mark.parametrize("step", [1, -1, 0.1])
def test_a_wrong_figure_is_found(identifier: str, key: str, step: float) -> None:
    """A figure that differs from its sentence by a little fails the check."""
    requirement = requirements()[identifier]
    assert problems(changed(requirement, key, requirement.values[key] + step)) != []


@pytest.mark.parametrize("requirement", WITH_FIGURES, ids=lambda found: found.id)
def test_figures_cannot_take_each_others_place(requirement: Requirement) -> None:
    """No figure of the standards passes in the place of a different one."""
    for key, own in requirement.values.items():
        for amount in AMOUNTS - {own}:
            assert problems(changed(requirement, key, amount)) != [], f"{key} = {amount}"


@given(st.sampled_from(PLACES), st.integers(0, 10**9))
def test_any_wrong_figure_is_found(place: tuple[str, str], amount: int) -> None:
    """No other number passes in a figure's place."""
    identifier, key = place
    requirement = requirements()[identifier]
    assert (problems(changed(requirement, key, amount)) == []) == (
        amount == requirement.values[key]
    )


@pytest.mark.parametrize("requirement", WITH_FIGURES, ids=lambda found: found.id)
def test_a_sentence_without_its_figures_is_found(requirement: Requirement) -> None:
    """A sentence that loses its figures fails the check."""
    assert problems(replace(requirement, text="It holds.")) != []


@pytest.mark.parametrize("requirement", WITH_FIGURES, ids=lambda found: found.id)
def test_a_lost_figure_is_found(requirement: Requirement) -> None:
    """A number in digits that its sentence states and no figure holds fails the check."""
    worded = {key for identifier, key in (*WORDED, *LISTED) if identifier == requirement.id}
    kept = {key: value for key, value in requirement.values.items() if key in worded}
    found = problems(replace(requirement, values=kept))
    assert (found == []) == (len(kept) == len(requirement.values))


def test_every_exception_is_in_use() -> None:
    """The tables of figures in words hold nothing that the standards no longer say."""
    assert {*WORDED, *LISTED} <= set(PLACES)
    assert set(WORDED.values()) == set(WORDS)
    assert set(BESIDE) <= set(requirements())
