"""Moving: the steps that size a new side, set a weight, read it back, and take a side away."""

from collections.abc import Mapping
from math import ceil
from typing import Final, NoReturn

from scripts.cutover.planning.steps import ALL, Settings, weight_id
from scripts.cutover.planning.steps import Step as Planned
from scripts.cutover.running.deciding import going_back
from scripts.cutover.running.judging import Lookout
from scripts.cutover.running.stand import Stand
from scripts.runs.canonical import Json
from scripts.runs.steps import Acting, Step, StepFailedError, Timeout, duration

MARGIN: Final = 60.0
"""What a step gets beyond its own time before it is stopped from outside."""
BACK: Final = "The cutover goes back by itself."


def size_id(planned: Planned) -> str:
    """The step that sizes the new side for `planned`."""
    return f"{planned.service} size {planned.weight}"


def retire_id(service: str) -> str:
    """The step that takes the old side of `service` away."""
    return f"{service} retire"


def is_leaving(stand: Stand) -> bool:
    """Whether an old side is being taken away, or is gone: from there no way leads back."""
    return any(retire_id(service) in stand.past.started for service in stand.cutover.order)


def size(planned: Planned, settings: Settings) -> Step[Stand]:
    """The new side grows to what `planned` needs, and is seen healthy, before it gets it."""
    service, instances, within = planned.service, planned.instances, settings.starting

    def is_done(stand: Stand) -> bool:
        if is_leaving(stand) or size_id(planned) in stand.here:
            return True
        return service in stand.past.full and stand.healthy(service, is_new=True) >= instances

    def run(stand: Stand, acting: Acting) -> Mapping[str, Json]:
        lookout = Lookout.on(stand, acting, f"{service}, while it is sized")
        if service not in stand.past.full:
            # What its old side has from here on is what it goes back to.
            full = stand.patient(stand.sides(service).size)
            acting.note({"service": service, "full": full})
            stand.past.full[service] = full
        sides, wanted, seen = stand.sides(service), _at_least(stand, planned), 0

        def is_so() -> bool:
            nonlocal seen
            seen = sides.healthy(is_new=True)
            if seen < wanted:
                sides.scale(wanted)
            return seen >= wanted

        if not lookout.until(is_so, within):
            why = f"{seen} of {wanted} new instances are healthy after {duration(within)}"
            _go_back(why, service, "SVC-02", lookout)
        stand.here.add(size_id(planned))
        return {"instances": wanted}

    return Step(
        id=size_id(planned),
        title=f"{service}: new side of {instances}",
        does="Runs the release on them beside the old side, and sees them healthy.",
        is_done=is_done,
        run=run,
        timeout=Timeout(f"{service}: new side healthy", within + MARGIN),
        on_failure=BACK,
        requirements=("PIPE-13", "SVC-02"),
    )


def _at_least(stand: Stand, planned: Planned) -> int:
    """The size for `planned`, or for a higher weight that was set already, or may have been."""
    started = stand.past.started
    reached = max(stand.weight(planned.service), planned.weight)
    steps = [
        each
        for each in stand.cutover.window(planned.service)
        if each.weight <= reached or weight_id(each) in started
    ]
    # The old side may have grown since the plan was made.
    size = stand.patient(stand.sides(planned.service).size)
    return max(max(each.instances, ceil(size * each.weight / ALL)) for each in steps)


def weigh(planned: Planned, settings: Settings) -> Step[Stand]:
    """The weight of `planned` is set and read back, while both sides can carry their part."""
    service, weight = planned.service, planned.weight
    within = settings.set_weights + settings.read_back

    def is_done(stand: Stand) -> bool:
        if is_leaving(stand) or weight_id(planned) in stand.here:
            return True
        return weight_id(planned) in stand.past.settled and stand.weight(service) >= weight

    def run(stand: Stand, acting: Acting) -> Mapping[str, Json]:
        stand.past.started.add(weight_id(planned))
        lookout = Lookout.on(stand, acting, f"{service}, while it is moved")
        sides, full = stand.sides(service), stand.full(service)

        def is_so() -> bool:
            sides.set_weight(weight)
            return sides.weight() == weight

        lookout.calm()
        asked = (
            (lambda: sides.healthy(is_new=False) >= full, settings.healthy, "ROLL-05"),
            (
                lambda: sides.healthy(is_new=True) >= planned.instances,
                settings.healthy,
                "ROLL-07",
            ),
            (is_so, within, "PIPE-03"),
        )
        said = ("the old side is full", "the new side is healthy", f"{weight} % are read back")
        for (is_it, seconds, cited), what in zip(asked, said, strict=True):
            if not lookout.until(is_it, seconds):
                why = f"not so after {duration(seconds)}: {what}"
                _go_back(why, service, cited, lookout)
        at = stand.now()
        stand.past.settle(weight_id(planned), at)
        stand.past.forget(service)
        stand.here.add(weight_id(planned))
        return {"at": at, "weight": weight}

    return Step(
        id=weight_id(planned),
        title=f"{service}: {weight} % to the new side",
        does="Sees both sides healthy, sets the weight, and reads it back.",
        is_done=is_done,
        run=run,
        timeout=Timeout(f"{service}: weight", 2 * settings.healthy + within + MARGIN),
        on_failure=BACK,
        requirements=("PIPE-03",),
    )


def confirm(services: int, settings: Settings) -> Step[Stand]:
    """All weights are read back once more, and all new sides seen whole, before one goes."""

    def run(stand: Stand, acting: Acting) -> Mapping[str, Json]:
        lookout = Lookout.on(stand, acting, "all services, before the old sides go")
        for service in stand.cutover.order:
            _moved(service, lookout)
            _whole(service, lookout)
        stand.here.add("confirm")
        return {"at": stand.now()}

    return Step(
        id="confirm",
        title="Weights, once more",
        does="Reads back that every service has all its traffic on its new side, and sees that "
        "side healthy in full.",
        is_done=lambda stand: is_leaving(stand) or "confirm" in stand.here,
        run=run,
        timeout=Timeout(
            "weights read back", services * (settings.read_back + settings.healthy) + MARGIN
        ),
        on_failure=BACK,
    )


def _moved(service: str, lookout: Lookout) -> None:
    sides, seen = lookout.stand.sides(service), 0

    def is_moved() -> bool:
        nonlocal seen
        seen = sides.weight()
        return seen == ALL

    if not lookout.until(is_moved, lookout.stand.cutover.settings.read_back):
        why = f"{seen} % are on the new side, not {ALL} %"
        _go_back(why, service, "PIPE-03", lookout)


def _whole(service: str, lookout: Lookout) -> None:
    stand, within = lookout.stand, lookout.stand.cutover.settings.healthy
    if not lookout.until(lambda: _is_whole(service, stand), within):
        why = f"not so after {duration(within)}: the new side is healthy in full"
        _go_back(why, service, "ROLL-07", lookout)


def _is_whole(service: str, stand: Stand) -> bool:
    """Whether the new side can carry what the old one did."""
    return stand.sides(service).healthy(is_new=True) >= stand.full(service)


def retire(service: str, settings: Settings) -> Step[Stand]:
    """The old side goes, once nothing is sent there any more."""

    def is_done(stand: Stand) -> bool:
        if retire_id(service) in stand.here:
            return True
        return retire_id(service) in stand.past.started and stand.is_retired(service, is_new=False)

    def run(stand: Stand, acting: Acting) -> Mapping[str, Json]:
        stand.past.started.add(retire_id(service))
        take_away(service, stand, acting, is_new=False)
        stand.here.add(retire_id(service))
        return {"at": stand.now()}

    return Step(
        id=retire_id(service),
        title=f"{service}: the old side goes",
        does="Takes its instances away; its release is kept and can come back.",
        is_done=is_done,
        run=run,
        timeout=Timeout(f"{service}: old side gone", settings.healthy + settings.starting + MARGIN),
        on_failure="All traffic is on the new side and stays there. To try again: resume.",
        requirements=("ROLL-05",),
    )


def take_away(service: str, stand: Stand, acting: Acting, *, is_new: bool) -> None:
    """Take a side of `service` away, after it was read back that it has no traffic.

    The old one only goes where the new one is whole: instances may have died since it was sized.

    Raises:
        StepFailedError: it still has, or is still needed, or does not go.
    """
    sides, without = stand.sides(service), 0 if is_new else ALL

    def is_idle() -> bool:
        return sides.weight() == without

    def is_gone() -> bool:
        if sides.is_retired(is_new=is_new):
            return True
        sides.retire(is_new=is_new)
        return False

    settings = stand.cutover.settings
    if not stand.until(is_idle, settings.read_back, acting):
        raise StepFailedError(f"{service}: the side that is to go still has traffic")
    if not is_new and not stand.until(lambda: _is_whole(service, stand), settings.healthy, acting):
        raise StepFailedError(f"{service}: the old side stays: the new one is not healthy in full")
    if not stand.until(is_gone, settings.starting, acting):
        raise StepFailedError(f"{service}: still there after {duration(settings.starting)}")


def _go_back(why: str, service: str, cited: str, lookout: Lookout) -> NoReturn:
    lookout.ledger.go_back(going_back(why, service, cited), lookout.name)
