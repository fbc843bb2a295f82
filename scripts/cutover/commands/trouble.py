"""What stands in the way of acting on a target: a journal that does not verify, a lease."""

from collections.abc import Sequence

from scripts.cutover.planning.request import RequestError
from scripts.cutover.session import Session
from scripts.exits import ExitCode
from scripts.runs.journal import current
from scripts.runs.lease import Lease
from scripts.runs.times import CLOCK_SKEW, stamp, utc_now
from scripts.telling import tell


def broken(session: Session) -> list[str]:
    """What is wrong with the journal."""
    return current(session.target, session.store).verify()


def unverified(session: Session) -> list[str]:
    """The same for people, with what to do, where something is."""
    if not (found := broken(session)):
        return []
    said = (
        f"the journal of {session.target} does not verify: {'; '.join(found)}. Compare it with "
        "the evidence of earlier runs (docs/runs.md)"
    )
    return [said]


def holder(session: Session) -> Lease | None:
    """The lease, while somebody holds it."""
    lease = session.store.lease(session.target)
    if lease is None or lease.released or lease.owner.is_gone():
        return None
    return lease if utc_now() <= lease.expires + CLOCK_SKEW else None


def troubles(session: Session) -> list[str]:
    """Why nobody may begin anything on the target now."""
    if not (lease := holder(session)):
        return unverified(session)
    held = (
        f"{session.target} is being worked on by {lease.owner} since {stamp(lease.acquired)}: "
        f"look with slipway cutover status {session.environment.name}; the lease ends at "
        f"{stamp(lease.expires)} unless it is renewed"
    )
    return [*unverified(session), held]


def refuse(found: Sequence[str]) -> None:
    """Go on only where nothing was `found`.

    Raises:
        RequestError: something was.
    """
    if found:
        raise RequestError("\n  ".join(["refused; nothing was changed:", *found]))


def warn(session: Session) -> Sequence[str]:
    """Say on stderr what is wrong with the journal that is shown."""
    found = unverified(session)
    for line in found:
        tell(f"slipway: {line}")
    return found


def code_of(problems: Sequence[str]) -> ExitCode:
    """What a look ends with: somebody has to look into a journal that does not verify."""
    return ExitCode.FAILED if problems else ExitCode.DONE
