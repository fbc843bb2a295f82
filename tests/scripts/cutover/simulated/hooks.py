"""What is plugged into a simulated cutover: smoke tests and the steps of a database change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from scripts.cutover.judgement.decisions import Decision, Finding, Kind, Reason
from scripts.cutover.running.hooks import Database, Hooks, Moment
from scripts.cutover.running.stand import Stand
from scripts.runs.canonical import Json
from scripts.runs.steps import Acting, Step, Timeout
from tests.scripts.cutover.simulated.cloud import Cloud
from tests.scripts.cutover.simulated.processes import Process

_KINDS = {"pass": Kind.CONTINUE, "ask": Kind.ASK, "fail": Kind.ROLL_BACK}
_FINDINGS = {"pass": Finding.PASSED, "ask": Finding.UNDECIDED, "fail": Finding.BREACHED}
TESTING: Final = 40.0
"""What smoke tests take, in seconds; here nobody looks beside them."""


@dataclass
class Tested:
    """Smoke tests that come to what fate has next; what users get after a rollback is well."""

    cloud: Cloud
    ran: int = 0

    def smoke(self, process: Process, moment: Moment) -> Decision:
        """Run them once."""
        process.spend(TESTING)
        said = "pass"
        if moment is not Moment.TAKEN_BACK:
            said = self.cloud.fate.smoke[min(self.ran, len(self.cloud.fate.smoke) - 1)]
            self.ran += 1
        self.cloud.witness.tested(process, said, is_back=moment is Moment.TAKEN_BACK)
        reason = Reason(
            gate="smoke", cited="SMOKE-07", finding=_FINDINGS[said], text=f"the tests {said}"
        )
        return Decision(kind=_KINDS[said], reasons=(reason,))


@dataclass
class Migrated:
    """A database whose change is there or not."""

    cloud: Cloud
    tries: int = 0

    def step(self, process: Process, name: str) -> Step[Stand]:
        """The step `name` of the change."""
        done = self.cloud.witness.database

        def run(_stand: Stand, acting: Acting) -> Mapping[str, Json]:
            acting.check()
            self.cloud.acts(process, f"changes the database, {name}")
            process.spend(5.0)
            if name == self.cloud.fate.database:
                self.tries += 1
                # People mend what comes after, and a way back is tried again by itself.
                if name == "before" or self.tries < 2:
                    raise RuntimeError("the database refused it")
            done.add(name)
            return {}

        return Step(
            id=f"database {name}",
            title=f"the database, {name}",
            does="Changes it.",
            is_done=lambda _: name in done,
            run=run,
            timeout=Timeout(f"database {name}", 60.0),
            on_failure="Look at it.",
        )


def hooks(process: Process, tested: Tested, migrated: Migrated) -> Hooks:
    """The hooks of one process."""

    def smoke(moment: Moment, _services: Sequence[str]) -> Decision:
        return tested.smoke(process, moment)

    return Hooks(
        smoke=smoke,
        database=Database(
            before=(migrated.step(process, "before"),),
            after=(migrated.step(process, "after"),),
            back=(migrated.step(process, "back"),),
        ),
    )
