"""Restoring: old sides that were taken away come up again, so that a weight leads back to them.

It is what a rollback begins with once they are gone: the last release that was known to be good is
in the journal, and is deployed again by its digest (ROLL-11). It acts in the world the other way
round, in which the release that serves is the old one.
"""

from collections.abc import Mapping
from typing import Final

from scripts.cutover.planning.request import Cutover, Releases
from scripts.cutover.planning.steps import ALL
from scripts.cutover.running.moving import MARGIN
from scripts.cutover.running.record import RESTORE
from scripts.cutover.running.stand import Stand
from scripts.runs.canonical import Json
from scripts.runs.steps import Acting, Plan, Step, StepFailedError, Timeout, duration

UP: Final = "old releases up"


def reversed_releases(cutover: Cutover) -> Mapping[str, Releases]:
    """From what serves now to what served before."""
    return {name: Releases(old=each.new, new=each.old) for name, each in cutover.releases.items()}


def restore(cutover: Cutover, of: str) -> Plan[Stand]:
    """Bring up again what served before the run `of` of `cutover`, without any traffic."""
    services, settings = cutover.order, cutover.settings
    longest = len(services) * settings.read_back + settings.starting

    def wanted(stand: Stand, service: str) -> int:
        """What carries all of its traffic: then, and now."""
        return max(cutover.sizes[service], stand.patient(stand.sides(service).size))

    def run(stand: Stand, acting: Acting) -> Mapping[str, Json]:
        # What has traffic again is left to the way back, which may have begun.
        sizes = {each: wanted(stand, each) for each in services if stand.weight(each) < ALL}
        acting.note({"sizes": sizes})
        ends = stand.now() + longest
        for service, size in sizes.items():

            def is_told(of: str = service, size: int = size) -> bool:
                stand.sides(of).scale(size)
                return True

            if not stand.until(is_told, settings.read_back, acting):
                raise StepFailedError(f"{service}: its old release could not be started")
        for service, size in sizes.items():

            def is_up(of: str = service, size: int = size) -> bool:
                return stand.sides(of).healthy(is_new=True) >= size

            if not stand.until(is_up, ends - stand.now(), acting):
                raise StepFailedError(
                    f"{service}: its old release is not healthy on {size} instances after "
                    f"{duration(longest)}"
                )
        stand.here.add(UP)
        return {"at": stand.now()}

    named = ", ".join(f"{name} {each.old}" for name, each in cutover.releases.items())
    step = Step[Stand](
        id=UP,
        title="The releases of before come up again",
        does=f"Starts {named} beside what serves now, in full, and sees it healthy.",
        is_done=lambda stand: UP in stand.here,
        run=run,
        timeout=Timeout("old releases up again", longest + MARGIN),
        on_failure="Traffic is where it was. To try again: slipway cutover rollback "
        f"{cutover.environment} --execute",
        requirements=("ROLL-11",),
    )
    return Plan(
        target=cutover.target,
        command=RESTORE,
        inputs={"cutover": cutover.inputs, "of": of},
        steps=[step],
        always=True,
    )
