"""`slipway cutover run` and `resume`: forward, and by itself back."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from scripts.cutover.commands.consent import (
    Consent,
    asked,
    asked_again,
    how,
    let_in,
    let_in_before,
)
from scripts.cutover.commands.ending import end
from scripts.cutover.commands.measuring import measured_cutover
from scripts.cutover.commands.printing import described, for_programs
from scripts.cutover.commands.trouble import refuse, troubles, unverified
from scripts.cutover.planning.changes import Asked as Change
from scripts.cutover.planning.changes import barred, unsigned
from scripts.cutover.planning.changes import refusals as change_refusals
from scripts.cutover.planning.releases import wanted
from scripts.cutover.planning.request import Cutover, RequestError
from scripts.cutover.planning.saved import save, saved
from scripts.cutover.report.drawing import write
from scripts.cutover.running.checking import refusals
from scripts.cutover.running.conductor import carry_out, stand_of
from scripts.cutover.running.forward import forward
from scripts.cutover.running.hooks import Hooks
from scripts.cutover.running.standing import Standing, State
from scripts.cutover.session import Options, Session, opened
from scripts.exits import ExitCode
from scripts.telling import tell


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is to be released."""

    release: Path | None = None
    images: Sequence[str] = ()
    pages: str | None = None
    database: Path | None = None
    """The file that declares the change of the database."""
    plan: Path | None = None
    """A saved plan, in the place of all of them."""
    output: Path | None = None
    """Where the plan is saved."""


def run_command(options: Options, what: Asked, consent: Consent, *, as_json: bool) -> int:
    """Move traffic to a release, or print the steps."""
    with opened(options) as session:
        cutover, approved = _cutover(session, what, consent)
        hooks = session.hooks(cutover)
        plan = forward(cutover, hooks)
        if approved and plan.hash != approved:
            raise RequestError(
                f"{what.plan}: its plan was {approved}, and would be {plan.hash} now: another "
                "version made it, or the change of the database is another one. Plan it again"
            )
        of = asked(session, cutover, plan.hash, consent)
        if consent.execute:
            refuse(troubles(session))
            let_in(session, of, consent)
            hooks = _with(hooks, session, of)
            return _carried(session, cutover, hooks, as_json=as_json)
        rules = session.environment.cutover
        with session.world_of(cutover) as world:
            stand = stand_of(cutover, world, session.setting)
            found = [*troubles(session), *barred(of, rules), *refusals(stand, hooks)]
            unproven = getattr(world, "unproven", ())
        for line in unproven:
            tell(f"not proven: {line}")
        for line in unsigned(of):
            tell(f"not let in yet: {line}")
        if as_json:
            sys.stdout.write(for_programs(cutover, plan, hooks, found))
        else:
            write(*described(cutover, plan, hooks, found))
        if what.output:
            save(what.output, cutover, plan.hash)
            tell(_saved(what.output, session.environment.name, plan.hash))
        return ExitCode.USAGE if found else ExitCode.DONE


def resume_command(options: Options, consent: Consent, *, as_json: bool) -> int:
    """Go on with the cutover that has not ended, forward or back."""
    with opened(options) as session:
        refuse(unverified(session))
        there = session.standing()
        if there.cutover is None or there.state not in _UNFINISHED:
            raise RequestError(f"{session.target}: there is nothing to go on with: {there.state}")
        if there.state is State.LEAVING and there.entries[-1].run != there.run:
            raise RequestError(
                f"{session.target}: the watch takes the old sides away: slipway cutover watch "
                f"{session.environment.name} --execute"
            )
        of = asked_again(session, there, there.cutover, consent)
        if not consent.execute:
            barring = change_refusals(of, session.environment.cutover) if of else []
            held = [*troubles(session), *barring]
            lines = [_next(there), *held, "Nothing was changed; --execute goes on."]
            sys.stdout.write("\n".join(lines) + "\n")
            code = ExitCode.PENDING if held else ExitCode.DONE
            return ExitCode.USAGE if barring else code
        if of:
            let_in(session, of, consent)
        own = replace(session, back=there if there.because else None)
        hooks = own.hooks(there.cutover)
        if of:
            hooks = replace(_with(hooks, session, of), let_in=how(of))
        else:
            hooks = replace(hooks, facts=let_in_before(there))
        return _carried(own, there.cutover, hooks, as_json=as_json)


_UNFINISHED = {State.OPEN, State.GOING_BACK, State.LEAVING}


def _cutover(session: Session, what: Asked, consent: Consent) -> tuple[Cutover, str | None]:
    """What is asked for, and the hash of its plan where that was saved."""
    if what.plan:
        if what.release or what.images or what.pages or what.database:
            raise RequestError("--plan has all of it: leave out what else names a release")
        cutover, hash_ = saved(what.plan)
        if cutover.environment != session.environment.name:
            raise RequestError(f"{what.plan} is a plan for {cutover.environment}")
        return cutover, hash_
    named = wanted(session.environment, what.release, what.images, what.pages)
    database = str(what.database) if what.database else ""
    return measured_cutover(session, named, consent.change.value, database), None


def _carried(session: Session, cutover: Cutover, hooks: Hooks, *, as_json: bool) -> int:
    with session.told(), session.world_of(cutover) as world:
        ended = carry_out(cutover, world, session.setting, hooks, session.spare())
    return end(session, cutover, ended, hooks.facts, as_json=as_json)


def _saved(path: Path, environment: str, plan: str) -> str:
    """What follows once a plan was saved: the very commands."""
    return (
        f"Saved as {path}. Whoever approves it: slipway evidence approve {plan} --by NAME "
        "--role ROLE --key FILE\n"
        f"Then: slipway cutover run {environment} --plan {path} --approval FILE --execute"
    )


def _with(hooks: Hooks, session: Session, of: Change) -> Hooks:
    """`hooks` with how the change is let in, which the check looks at once more."""
    letting = partial(change_refusals, of, session.environment.cutover)
    return replace(hooks, facts=how(of), refusals=letting)


def _next(there: Standing) -> str:
    if there.because:
        return f"It goes back: {there.because.why}"
    decided = there.decisions
    last = f", at {decided[-1].stage}: {decided[-1].kind}" if decided else ""
    return f"The run {there.run} is {there.state}{last}."
