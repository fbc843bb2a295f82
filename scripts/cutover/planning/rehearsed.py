"""Whether a rollback of the very release was carried out in staging, and passed (ROLL-03)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, cast

from scripts.cutover.planning.request import Cutover, RequestError, read
from scripts.exits import CommandError, ExitCode
from scripts.runs.approvers import Approvers
from scripts.runs.evidence import Bundle, verify
from standards import Tier

_ROLLBACK: Final = "cutover rollback"


class RehearsedError(CommandError):
    """A file of evidence that cannot be read."""

    code = ExitCode.USAGE


def unrehearsed(
    cutover: Cutover, files: Sequence[Path], approvers: Approvers | None, *, at: datetime
) -> list[str]:
    """Why the evidence in `files` does not show that each release of `cutover` was taken back.

    No change type goes without: only sign-offs and documentation of an emergency come afterwards
    (PIPE-11).
    """
    if cutover.tier is not Tier.PRODUCTION:
        return []
    shown: set[tuple[str, str]] = set()
    problems: list[str] = []
    for file in files:
        bundle, wrong = _believed(file, approvers, at)
        problems += [f"{file}: {each}" for each in wrong]
        if bundle and not wrong:
            shown |= _taken_back(bundle)
    lacking = [
        f"{name} {each.new}"
        for name, each in cutover.releases.items()
        if (name, each.new) not in shown
    ]
    if not lacking:
        return problems
    said = (
        f"no rollback in staging was carried out and passed (ROLL-03) of {', '.join(lacking)}: "
        "move staging to it, slipway cutover rollback staging --execute, sign the evidence of that "
        "run, and name it: --rolled-back FILE"
    )
    return [*problems, said]


def _believed(
    file: Path, approvers: Approvers | None, at: datetime
) -> tuple[Bundle | None, list[str]]:
    """What the evidence says, and why it does not count."""
    if approvers is None:
        return None, ["there is no file of approvers, so nobody's signature counts"]
    try:
        text = file.read_bytes()
    except OSError as error:
        raise RehearsedError(f"{file}: {error.strerror}") from None
    verdict = verify(text, approvers, at=at)
    if verdict.problems or verdict.evidence is None:
        return None, verdict.problems
    bundle = verdict.evidence.bundle
    if bundle.what != _ROLLBACK or bundle.tier is not Tier.STAGING or bundle.outcome != "done":
        return None, [f"it is of {bundle.what} in {bundle.tier}, {bundle.outcome}: no rollback"]
    return bundle, []


def _taken_back(bundle: Bundle) -> set[tuple[str, str]]:
    """The releases that the run took back, by their services."""
    inputs = cast("Mapping[str, object]", bundle.entries[0].data["inputs"])
    try:
        moved = read(cast("Mapping[str, object]", inputs["cutover"]))
    except (KeyError, RequestError):
        return set()
    return {(name, each.new) for name, each in moved.releases.items()}
