"""What stands in the way of acting on a target: a journal that does not verify, a lease."""

from collections.abc import Iterator, Sequence

from scripts.cutover.session import Session
from scripts.exits import ExitCode
from scripts.runs.journal import current
from scripts.runs.lease import Lease
from scripts.runs.times import CLOCK_SKEW, stamp, utc_now
from scripts.telling import tell


def broken(session: Session) -> list[str]:
    """What is wrong with the journal."""
    return current(session.target, session.store).verify()


def holder(session: Session) -> Lease | None:
    """The lease, while somebody holds it."""
    lease = session.store.lease(session.target)
    if lease is None or lease.released or lease.owner.is_gone():
        return None
    return lease if utc_now() <= lease.expires + CLOCK_SKEW else None


def troubles(session: Session) -> list[str]:
    """Why nobody may begin anything on the target now."""
    lease = holder(session)
    held = lease and (
        f"{session.target} is being worked on by {lease.owner} since {stamp(lease.acquired)}; "
        f"its lease ends at {stamp(lease.expires)} unless it is renewed: wait, or look with "
        f"slipway cutover status {session.environment.name}"
    )
    return [*_unverified(session, broken(session)), *([held] if held else [])]


def warn(session: Session) -> Sequence[str]:
    """Say on stderr what is wrong with the journal that is shown."""
    found = broken(session)
    for line in _unverified(session, found):
        tell(f"slipway: {line}")
    return found


def code_of(problems: Sequence[str]) -> ExitCode:
    """What a look ends with: somebody has to look into a journal that does not verify."""
    return ExitCode.FAILED if problems else ExitCode.DONE


def _unverified(session: Session, found: Sequence[str]) -> Iterator[str]:
    if found:
        yield (
            f"the journal of {session.target} does not verify: {'; '.join(found)}. Compare it "
            "with the evidence of earlier runs (docs/runs.md)"
        )
