"""What the jobs of the workflows serve: each proof looks for all that a sentence asks of them.

What the steps themselves refuse is in `tools/ci` and its tests; here is that the jobs run them, in
the right order, on the right branches, as whom, and held up by whom.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from environments import Environment, load, names
from preview.proofs import Proof, serving
from preview.trace import Means, Serving
from preview.workflows import Jobs, read_jobs
from standards import Tier

APPLIED: Final = (Tier.INTEGRATION, Tier.STAGING, Tier.PRODUCTION)
"""The tiers that workflows apply; development is applied by hand, to an emulator on loopback."""
_LIVE: Final = (Tier.STAGING, Tier.PRODUCTION)

_PREVIEW: Final = "preview.yaml preview"
_COMMENT: Final = "preview.yaml comment"
_BUILD: Final = "deploy.yaml build"
_TESTS: Final = "deploy.yaml tests"
_SCAN: Final = "deploy.yaml scan"
_INTEGRATION: Final = "deploy.yaml integration"
_STAGING: Final = "deploy.yaml staging"
_GATE: Final = "production.yaml gate"
_PLAN: Final = "production.yaml plan"
_PRODUCTION: Final = "production.yaml production"
_DRIFT: Final = "drift.yaml drift"
_ALERT: Final = "drift.yaml alert"
_SMOKE: Final = {
    _STAGING: "deploy.yaml smoke.tests",
    _PRODUCTION: "production.yaml smoke.tests",
}
_WATCH: Final = "watch.yaml watch"
_WATCH_ALERT: Final = "watch.yaml alert"
_STAGES: Final = {
    Tier.INTEGRATION: _INTEGRATION,
    Tier.STAGING: _STAGING,
    Tier.PRODUCTION: _PRODUCTION,
}
_BRANCHES: Final = {
    _INTEGRATION: ("develop",),
    _STAGING: ("develop",),
    _PRODUCTION: ("main",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """The jobs of a project, and the environments that they are for."""

    jobs: Jobs
    environments: Mapping[str, Environment]

    def of(self, tier: Tier) -> list[Environment]:
        """The environments of `tier`."""
        return [each for each in self.environments.values() if each.tier is tier]


def read_pipeline(folder: Path) -> Pipeline:
    """The jobs and the environments of the project in `folder`.

    Raises:
        ConfigurationError: a workflow or an environment's file is not as it must be.
    """
    environments = {name: load(name, folder) for name in names(folder)}
    return Pipeline(jobs=read_jobs(folder), environments=environments)


def serving_jobs(folder: Path) -> list[Serving]:
    """What the jobs of the project in `folder` serve."""
    return serving(PROOFS, read_pipeline(folder), Means.WORKFLOW)


def _runs(jobs: Jobs, name: str, *texts: str) -> Iterator[str]:
    """What the job `name` does not run of `texts`; whatever it runs may not fail unseen."""
    job = jobs.get(name)
    if job is None:
        yield f"there is no job {name}"
        return
    for text in texts:
        if not job.runs(text):
            yield f"{name} does not run {text}"
    if job.goes_on:
        yield f"{name} goes on after a failure"


def _in_order(jobs: Jobs, *names: str) -> Iterator[str]:
    """Which of the jobs `names` does not wait for the one before it, or runs where that failed."""
    for before, name in pairwise(names):
        job = jobs.get(name)
        if job is None or before not in job.needs:
            yield f"{name} does not wait for {before}"
        elif job.condition:
            yield f"{name} may run although {before} failed: if {job.condition}"


def _applied(jobs: Jobs) -> Iterator[str]:
    """Which environment is not applied, or not with what it must be."""
    for stage in _STAGES.values():
        yield from _runs(jobs, f"{stage}.apply", "tools.ci.apply", "actions/checkout@")


def _moves_in_order(pipeline: Pipeline) -> Iterator[str]:
    """ENV-01: a stack for each tier, and none is reached but through the one before it."""
    for tier in Tier:
        if not pipeline.of(tier):
            yield f"there is no environment of the tier {tier}"
    jobs = pipeline.jobs
    yield from _runs(jobs, _PREVIEW, "slipway preview", "print(*environments.")
    yield from _applied(jobs)
    yield from _in_order(jobs, f"{_INTEGRATION}.verify", f"{_STAGING}.apply")
    yield from _runs(jobs, _GATE, "tools.ci.promoted")
    yield from _in_order(jobs, _GATE, _PLAN, f"{_PRODUCTION}.apply")


def _from_its_branch(pipeline: Pipeline) -> Iterator[str]:
    """ENV-04: a push to the branch starts the job, nothing else does, and the step refuses."""
    yield from _applied(pipeline.jobs)
    for stage, branches in _BRANCHES.items():
        job = pipeline.jobs.get(f"{stage}.apply")
        if job and (set(job.triggers) != {"push"} or job.branches("push") != branches):
            yield f"{job.name} is started by more than a push to {branches[0]}"


def _approved_where_asked(pipeline: Pipeline) -> Iterator[str]:
    """ENV-05: only production waits for a person, and what it waits for is on GitHub's record."""
    yield from _applied(pipeline.jobs)
    for tier in Tier:
        for each in pipeline.of(tier):
            if bool(each.release.approvals) != (tier is Tier.PRODUCTION):
                yield f"{each.name} asks for {each.release.approvals} approvals"
    for tier, stage in _STAGES.items():
        job = pipeline.jobs.get(f"{stage}.apply")
        known = {each.name for each in pipeline.of(tier)}
        if job and job.environment not in known:
            yield f"{job.name} is held up by {job.environment or 'nobody'}, not by {known}"


def _approved(pipeline: Pipeline) -> Iterator[str]:
    """PIPE-08: the plan that a person saw is what is applied, by a step that asks who it was."""
    yield from _runs(pipeline.jobs, _PLAN, "tools.ci.preview", "approved-plan")
    name = f"{_PRODUCTION}.apply"
    yield from _runs(pipeline.jobs, name, "tools.ci.apply", "approved-plan", "--plan")
    yield from _in_order(pipeline.jobs, _PLAN, name)
    job = pipeline.jobs.get(name)
    if job and (not job.environment or job.permissions.get("actions") != "read"):
        yield f"{name} cannot see who approved"


def _tested_first(pipeline: Pipeline) -> Iterator[str]:
    """IAC-04: tests and policies before the first update, a review before any, one at a time."""
    jobs = pipeline.jobs
    yield from _applied(jobs)
    yield from _runs(jobs, _BUILD, "tools.ci.reviewed")
    yield from _runs(jobs, _TESTS, ".ci/run")
    yield from _runs(jobs, _SCAN, "make policies")
    yield from _in_order(jobs, _BUILD, _TESTS, _SCAN, f"{_INTEGRATION}.apply")
    yield from _runs(jobs, _GATE, "tools.ci.promoted")
    yield from _in_order(jobs, _GATE, f"{_PRODUCTION}.apply")
    for stage in _STAGES.values():
        job = jobs.get(f"{stage}.apply")
        if job and (not job.group.endswith(f"-{job.environment}") or job.cancels):
            yield f"{job.name} may run beside another, or be ended by it"


def _reviewed(pipeline: Pipeline) -> Iterator[str]:
    """IAC-03, QA-10: nothing is applied that came without a review, and checks skip no path."""
    yield from _runs(pipeline.jobs, _BUILD, "tools.ci.reviewed")
    yield from _in_order(pipeline.jobs, _BUILD, f"{_INTEGRATION}.apply")
    for name in (_PREVIEW, "tests.yaml tests"):
        yield from _runs(pipeline.jobs, name)
        job = pipeline.jobs.get(name)
        if job and job.triggers.get("pull_request", "none"):
            yield f"{name} does not look at every pull request"


def _drift(pipeline: Pipeline) -> Iterator[str]:
    """IAC-05: every environment that is applied, every night, as of its branch; somebody hears."""
    yield from _runs(pipeline.jobs, _DRIFT, "tools.ci.drift")
    yield from _runs(pipeline.jobs, _ALERT, "gh issue create")
    drift, alert = pipeline.jobs.get(_DRIFT), pipeline.jobs.get(_ALERT)
    if alert and (alert.condition != "${{ failure() }}" or _DRIFT not in alert.needs):
        yield f"{_ALERT} does not hear of {_DRIFT}"
    if drift is None:
        return
    if not drift.triggers.get("schedule"):
        yield f"{_DRIFT} has no schedule"
    looked = {
        (each.get("environment"), each.get("branch")) for each in drift.matrix.get("include", ())
    }
    for tier in APPLIED:
        for each in pipeline.of(tier):
            if (each.name, each.release.branch) not in looked:
                yield f"{_DRIFT} does not look at {each.name} as of {each.release.branch}"


def _verified(pipeline: Pipeline) -> Iterator[str]:
    """PIPE-02: after every update a second preview, which proposes nothing."""
    for stage in _STAGES.values():
        yield from _runs(pipeline.jobs, f"{stage}.verify", "tools.ci.verify")
        yield from _in_order(pipeline.jobs, f"{stage}.apply", f"{stage}.verify")


def _stages(pipeline: Pipeline) -> Iterator[str]:
    """PIPE-04: the eight stages, each after the one before it."""
    jobs = pipeline.jobs
    yield from _runs(jobs, _BUILD, "make build")
    yield from _runs(jobs, _TESTS, ".ci/run")
    yield from _runs(jobs, _SCAN, "make audit")
    yield from _in_order(jobs, _BUILD, _TESTS, _SCAN, f"{_INTEGRATION}.apply")
    yield from _in_order(jobs, f"{_INTEGRATION}.verify", f"{_STAGING}.apply")
    yield from _runs(jobs, _GATE, "tools.ci.promoted")
    yield from _in_order(jobs, _GATE, f"{_PRODUCTION}.apply")
    yield from _applied(jobs)
    yield from _verified(pipeline)


def _built(pipeline: Pipeline) -> Iterator[str]:
    """PIPE-05: built from a clean checkout and the lock before any test."""
    yield from _runs(pipeline.jobs, _BUILD, "actions/checkout@", "make build")
    yield from _in_order(pipeline.jobs, _BUILD, _TESTS)


def _scanned(pipeline: Pipeline) -> Iterator[str]:
    """PIPE-06: what is vulnerable, and what breaks a policy, stops the run."""
    yield from _runs(pipeline.jobs, _SCAN, "make audit", "make policies")
    yield from _in_order(pipeline.jobs, _SCAN, f"{_INTEGRATION}.apply")


def _audited(pipeline: Pipeline) -> Iterator[str]:
    """SEC-01: no known vulnerability in what is locked."""
    yield from _runs(pipeline.jobs, _SCAN, "make audit")
    yield from _in_order(pipeline.jobs, _SCAN, f"{_INTEGRATION}.apply")


def _staging_first(pipeline: Pipeline) -> Iterator[str]:
    """PIPE-07: the gate asks whether this commit passed staging, and with the same images."""
    yield from _runs(pipeline.jobs, f"{_STAGING}.verify", "tools.ci.verify")
    yield from _runs(pipeline.jobs, _GATE, "tools.ci.promoted")
    yield from _in_order(pipeline.jobs, _GATE, _PLAN, f"{_PRODUCTION}.apply")


def _production_verified(pipeline: Pipeline) -> Iterator[str]:
    """PIPE-09: the run ends well only where the smoke tests did."""
    yield from _runs(pipeline.jobs, f"{_PRODUCTION}.verify", "tools.ci.verify")
    yield from _runs(pipeline.jobs, _SMOKE[_PRODUCTION], "slipway release smoke")
    applied, verified = f"{_PRODUCTION}.apply", f"{_PRODUCTION}.verify"
    yield from _in_order(pipeline.jobs, applied, verified, _SMOKE[_PRODUCTION])


def _smoked(pipeline: Pipeline) -> Iterator[str]:
    """SMOKE-11: one suite after each deployment."""
    for stage, job in _SMOKE.items():
        yield from _runs(pipeline.jobs, job, "slipway release smoke")
        yield from _in_order(pipeline.jobs, f"{stage}.verify", job)


def _watched(pipeline: Pipeline) -> Iterator[str]:
    """POST-04: looked at by a schedule, more than once in its time; somebody hears of a failure."""
    yield from _runs(pipeline.jobs, _WATCH, "slipway cutover watch")
    yield from _runs(pipeline.jobs, _WATCH_ALERT, "gh issue create")
    watch, alert = pipeline.jobs.get(_WATCH), pipeline.jobs.get(_WATCH_ALERT)
    if alert and (alert.condition != "${{ failure() }}" or _WATCH not in alert.needs):
        yield f"{_WATCH_ALERT} does not hear of {_WATCH}"
    if watch is None:
        return
    if not watch.triggers.get("schedule"):
        yield f"{_WATCH} has no schedule"
    looked = {each.get("environment") for each in watch.matrix.get("include", ())}
    for tier in _LIVE:
        yield from (
            f"{_WATCH} does not look at {each.name}"
            for each in pipeline.of(tier)
            if each.name not in looked
        )


def _committed(pipeline: Pipeline) -> Iterator[str]:
    """CFG-01: what is previewed and applied is what the files of a commit say."""
    yield from _runs(pipeline.jobs, _PREVIEW, "actions/checkout@", "print(*environments.")
    yield from _applied(pipeline.jobs)


PROOFS: Final[tuple[Proof[Pipeline], ...]] = tuple(
    Proof(requirement=requirement, name=name, environments=environments, missing=missing)
    for requirement, name, environments, missing in (
        ("CFG-01", f"{_INTEGRATION}.apply", tuple(Tier), _committed),
        ("ENV-01", f"{_STAGING}.apply", tuple(Tier), _moves_in_order),
        ("ENV-04", f"{_STAGING}.apply", APPLIED, _from_its_branch),
        ("ENV-05", f"{_PRODUCTION}.apply", tuple(Tier), _approved_where_asked),
        ("IAC-03", _BUILD, APPLIED, _reviewed),
        ("IAC-04", f"{_INTEGRATION}.apply", APPLIED, _tested_first),
        ("IAC-05", _DRIFT, APPLIED, _drift),
        ("PIPE-02", f"{_STAGING}.verify", APPLIED, _verified),
        ("PIPE-04", f"{_PRODUCTION}.apply", APPLIED, _stages),
        ("PIPE-05", _BUILD, APPLIED, _built),
        ("PIPE-06", _SCAN, _LIVE, _scanned),
        ("PIPE-07", _GATE, _LIVE, _staging_first),
        ("PIPE-08", f"{_PRODUCTION}.apply", (Tier.PRODUCTION,), _approved),
        ("PIPE-09", _SMOKE[_PRODUCTION], (Tier.PRODUCTION,), _production_verified),
        ("POST-04", _WATCH, (Tier.PRODUCTION,), _watched),
        ("QA-10", _BUILD, APPLIED, _reviewed),
        ("SEC-01", _SCAN, APPLIED, _audited),
        ("SMOKE-11", _SMOKE[_STAGING], _LIVE, _smoked),
    )
)
