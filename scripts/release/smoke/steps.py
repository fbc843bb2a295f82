"""Smoke tests as a command of their own: one step, whose results are written down (SMOKE-07)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from scripts.cutover.judgement.decisions import Decision, Finding, Kind
from scripts.release.smoke.results import Result, flakiness, judged
from scripts.release.smoke.suite import Suite
from scripts.runs.canonical import Json
from scripts.runs.steps import Acting, Plan, Step, StepFailedError, StepPendingError, Timeout
from standards import figure

COMMAND: Final = "release smoke"
TESTS: Final = "tests"


@dataclass(kw_only=True)
class Scene:
    """What the step acts on."""

    ask: Callable[[], Sequence[Result]]
    """Makes the tests, and gives their results."""
    again: Callable[[], Sequence[Result]]
    """The same without what would disturb users twice."""
    because: str = ""
    """Why the operator goes on although more failed than may: the recorded decision."""
    results: list[Result] = field(default_factory=list[Result])
    decision: Decision | None = None


def plan(asked: Suite, target: str, runs: int = 1) -> Plan[Scene]:
    """The smoke tests of `asked`, made `runs` times, as a plan."""
    return Plan(
        target=target,
        command=COMMAND,
        inputs={
            "environment": asked.environment.name,
            "tier": asked.environment.tier.value,
            "aim": asked.aim.name,
            "tests": [test.name for test in asked.tests],
            "left_out": list(asked.left_out),
        },
        steps=[_tests(asked, runs)],
    )


def _tests(asked: Suite, runs: int) -> Step[Scene]:
    def is_done(scene: Scene) -> bool:
        # What a run before this one saw says nothing of now.
        return scene.decision is not None and scene.decision.kind is not Kind.ROLL_BACK

    def run(scene: Scene, acting: Acting) -> Mapping[str, Json]:
        first = list(scene.ask())
        rounds = [first, *(list(scene.again()) for _ in range(runs - 1))]
        # A result that changes is a failure once: the worst of each counts.
        scene.results = [_worst(result, rounds) for result in first]
        scene.decision = judged(scene.results, is_live=asked.is_live)
        acting.note(facts(scene))
        return _ended(scene, rounds, acting)

    limit = figure("SMOKE-06", "duration_below_minutes").seconds
    return Step(
        id=TESTS,
        title=f"{len(asked.tests)} smoke tests, {asked.aim.name}",
        does="Asks, all at once, what is listed above; changes nothing but what the journeys of "
        "the environment's file write.",
        is_done=is_done,
        run=run,
        timeout=Timeout("smoke tests", limit * runs if runs > 1 else limit),
        on_failure="A critical test failed: roll the release back (SMOKE-07). Where users are on "
        "it: slipway cutover rollback.",
        requirements=asked.requirements,
    )


def _ended(scene: Scene, rounds: Sequence[Sequence[Result]], acting: Acting) -> Mapping[str, Json]:
    decision = cast("Decision", scene.decision)
    failed = [str(result) for result in scene.results if not result.passed]
    if decision.kind is Kind.ROLL_BACK:
        raise StepFailedError("\n  ".join([decision.reasons[0].text, *failed]))
    flaky = flakiness(rounds)
    if flaky.finding is Finding.BREACHED:
        raise StepFailedError("\n  ".join([flaky.text, *failed]))
    if decision.kind is Kind.ASK and not scene.because:
        scene.decision = None
        raise StepPendingError(
            "\n  ".join(
                [
                    f"{decision.reasons[0].text} ({decision.reasons[0].cited}): a person decides.",
                    *failed,
                    'To go on, run it again with --go-on-because "…"; else roll back.',
                ]
            )
        )
    if decision.kind is Kind.ASK:
        acting.note({"answer": "go on", "why": scene.because})
    return {"passed": sum(it.passed for it in scene.results), "tests": len(scene.results)}


def facts(scene: Scene) -> dict[str, Json]:
    """The results and the decision for the journal, and for programs."""
    decision = scene.decision
    return {
        "decision": decision.kind.value if decision else None,
        "why": decision.reasons[0].text if decision else "",
        "cited": decision.reasons[0].cited if decision else "",
        "results": [result.facts() for result in scene.results],
    }


def _worst(result: Result, rounds: Sequence[Sequence[Result]]) -> Result:
    same = [one for results in rounds for one in results if one.name == result.name]
    return next((one for one in same if not one.passed), result)
