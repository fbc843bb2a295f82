"""What happened in a cutover, in two sentences: they open its page, and end its command."""

from scripts.cutover.judgement.decisions import Finding, Kind
from scripts.cutover.report import words
from scripts.cutover.report.story import Story
from scripts.cutover.running.standing import State


def headline(story: Story) -> str:
    """What happened, in two sentences."""
    what = _what(story)
    lasted = words.lasted(story.ended - story.began)
    by = " and ".join(story.who) or "nobody"
    when = f"on {words.day(story.began)} at {words.moment(story.began)[:5]} UTC"
    first = f"{by} started to move {what} {when}"
    match story.state:
        case State.DONE:
            passed = "every gate passed"
            if accepted := _accepted(story):
                passed = f"{', '.join(accepted)} did not, and a person went on; the others passed"
            then = f"All traffic is on the new release after {lasted}; {passed}."
        case State.UNWELL:
            then = f"All traffic is on the new release; since then {_found(story)}."
        case State.TAKEN_BACK:
            seconds = story.seconds_back
            took = "" if seconds is None else f" {words.lasted(seconds)} later"
            bound = words.lasted(story.bound_seconds or 0)
            late = f", beyond its bound of {bound} (ROLL-01)" if story.is_late else ""
            then = f"{_turned(story)}; the old side was verified{took}{late}."
        case State.GOING_BACK:
            then = f"{_turned(story)}; that is not over."
        case State.REFUSED:
            failed = next((str(did.facts.get("error", "")) for did in story.steps), "")
            then = f"It was refused with nothing changed: {_short(failed)}"
        case State.OPEN | State.LEAVING:
            at = "; ".join(
                f"{name} {points[-1][1]:.0f} %" for name, points in story.weights.items()
            )
            then = f"It is not over after {lasted}; on the new side: {at or 'nothing yet'}."
        case _:
            then = "The journal does not say how it stands."
    return f"{first}. {then}"


def _what(story: Story) -> str:
    if story.cutover is None:
        return story.target or "something"
    services = " and ".join(story.cutover.releases)
    return f"{services} in {story.cutover.environment}"


def _accepted(story: Story) -> list[str]:
    """The gates that a person went on with."""
    gates = [
        reason.gate.partition(" (")[0]
        for noted in story.decisions
        for reason in noted.reasons
        if noted.kind is Kind.CONTINUE and reason.finding is Finding.ACCEPTED
    ]
    return list(dict.fromkeys(gates))


def _turned(story: Story) -> str:
    """When it went back, and for what."""
    decided = next((it for it in reversed(story.decisions) if it.kind is Kind.ROLL_BACK), None)
    found = _found(story)
    return (
        f"It went back at {decided.stage}: {found}"
        if decided and found
        else (f"It went back for {_short(story.why)}")
    )


def _found(story: Story) -> str:
    """What the last decision to go back was for; empty where it names nothing."""
    decided = next((it for it in reversed(story.decisions) if it.kind is Kind.ROLL_BACK), None)
    first = next(iter(words.deciding(decided)), None) if decided else None
    if first is None:
        return ""
    service, has_service, _ = first.gate.partition("/")
    what = f"{service} had {_short(first.text)}" if has_service else _short(first.text)
    return f"{what} ({words.cited(first.cited)})"


def _short(text: str) -> str:
    """The first part of `text`."""
    return text.partition("; ")[0].strip().rstrip(".") or "a reason that the journal does not hold"
