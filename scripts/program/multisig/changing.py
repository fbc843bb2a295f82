"""`slipway program authority`, `extend` and `close` where a vault owns the program."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from solders.pubkey import Pubkey

from scripts.program.commands.act import Shown, act
from scripts.program.commands.consent import Consent
from scripts.program.elf import without_room
from scripts.program.estimate import Bill, bill, together
from scripts.program.keys import read_key
from scripts.program.loader import PROGRAM_DATA_HEADER
from scripts.program.multisig import plans
from scripts.program.multisig.changes import (
    closing,
    extending,
    fund,
    handing_over,
    rounded,
    rounds,
)
from scripts.program.multisig.commands import Vault, join
from scripts.program.multisig.decisions import Decision
from scripts.program.multisig.estimate import one_decision, refuse_poor_member
from scripts.program.multisig.squad import Squad
from scripts.program.multisig.squads import Permission
from scripts.program.node import sol
from scripts.program.refusals import refuse_change, refuse_extension, refuse_poor
from scripts.program.session import Options, Session, SessionError, opened
from scripts.program.state import OnChain
from scripts.program.steps import change, checks
from scripts.program.world import World
from scripts.runs.canonical import Json
from scripts.runs.steps import Plan, Step


@dataclass(frozen=True, kw_only=True)
class Change:
    """What is put to the members, and what they read of it."""

    command: str
    said: str
    decision: Decision
    inputs: Mapping[str, Json]
    before: Sequence[Step[World]] = ()
    rent: int = 0
    rounds: int = 1
    """How often they are asked until it is done."""


def authority_command(  # noqa: PLR0913 - each is an option of the command
    options: Options,
    consent: Consent,
    vault: Vault,
    *,
    new_key: Path | None = None,
    new_address: str | None = None,
    final: bool = False,
    as_json: bool = False,
) -> int:
    """Have the members hand the upgrade authority over, or print the steps."""
    if sum([new_key is not None, new_address is not None, final]) != 1:
        raise SessionError("name one: --new-key FILE, --new-address ADDRESS or --final")
    new = read_key(new_key, "--new-key").pubkey() if new_key else None
    if new_address:
        new = _address(new_address)
    with opened(options) as session:
        squad, found = _join(session, vault)
        if not (found.data and found.data.authority == new):
            refuse_change(session.world, found)
        # What a vault decides no second key signs: a typing error is the end of the program.
        typed = str(new) if new else f"final {session.world.program}"
        one = Change(
            command="program authority",
            said=f"The upgrade authority becomes {new or 'nobody'}",
            decision=handing_over(squad, new),
            inputs={"authority": str(new)},
        )
        return _act(session, squad, found, one, replace(consent, typed=typed), as_json=as_json)


def extend_command(
    options: Options, consent: Consent, vault: Vault, *, to: int, as_json: bool = False
) -> int:
    """Have the members make room for `to` bytes, or print the steps."""
    with opened(options) as session:
        squad, found = _join(session, vault)
        world = session.world
        refuse_change(world, found)
        asks = world.wait(world.how_loads()).checks_extensions
        size = rounded(found.capacity, to) if asks else to
        if found.capacity < to:
            refuse_extension(found, size)
        rent = max(0, world.wait(world.node.rent(PROGRAM_DATA_HEADER + size)) - found.lamports)
        if not asks:
            return _extend(session, found, to, rent, consent, as_json=as_json)
        one = Change(
            command="program extend",
            said=f"Room for {size:,} bytes instead of {found.capacity:,}, for {sol(rent)}",
            decision=extending(squad, to),
            inputs={"bytes": to},
            before=[fund(to)],
            rent=rent,
            rounds=rounds(found.capacity, to),
        )
        return _act(session, squad, found, one, consent, as_json=as_json)


def _extend(  # noqa: PLR0913 - each is a part of how it is run
    session: Session, found: OnChain, to: int, rent: int, consent: Consent, *, as_json: bool
) -> int:
    """Where the loader lets whoever pays extend a program, nobody is asked."""
    world = session.world
    plan = Plan(
        target=session.target,
        command="program extend",
        inputs={**_inputs(world), "bytes": to},
        steps=[checks.cluster(), change.grow_to(to)],
    )
    left = 0 if plan.steps[-1].is_done(world) else 1
    taken = world.wait(bill(world, left, left, rent=left * rent))
    said = f"Room for {to:,} bytes instead of {found.capacity:,}, for {sol(rent)}; nobody is asked"
    shown = _shown(session, found, [said], taken, consent)
    return act(session, plan, consent, shown, as_json=as_json)


def close_command(
    options: Options, consent: Consent, vault: Vault, *, as_json: bool = False
) -> int:
    """Have the members remove the program for good, or print the steps."""
    with opened(options) as session:
        squad, found = _join(session, vault)
        if not found.closed:
            refuse_change(session.world, found)
        code = without_room(found.data.code) if found.data else b""
        one = Change(
            command="program close",
            said=f"Closes {session.world.program} for good; {sol(found.lamports)} come back",
            decision=closing(squad),
            inputs={},
            before=[change.keep(code)],
        )
        consent = replace(consent, typed=f"close {session.world.program}")
        return _act(session, squad, found, one, consent, as_json=as_json)


def _join(session: Session, vault: Vault) -> tuple[Squad, OnChain]:
    squad = join(session, vault, Permission.INITIATE, Permission.EXECUTE)
    return squad, session.world.wait(session.world.on_chain())


def _act(  # noqa: PLR0913 - each is a part of how it is run
    session: Session,
    squad: Squad,
    found: OnChain,
    one: Change,
    consent: Consent,
    *,
    as_json: bool,
) -> int:
    world = session.world
    inputs = {**_inputs(world), **one.inputs}
    plan = plans.change(
        session.target, one.command, inputs, squad, one.decision, one.before, one.rounds
    )
    message = world.wait(one.decision.message(world))
    more = (
        world.wait(one_decision(world, squad, one.decision, message, one.rounds))
        if message
        else None
    )
    paid = 1 if one.rent else 0
    taken = world.wait(bill(world, paid, paid, rent=one.rent))
    if more:
        taken = together(taken, more)
        if consent.execute:
            refuse_poor_member(more)
    lines = more.lines() if more else []
    shown = _shown(session, found, [one.said, *lines], taken, consent)
    return act(session, plan, consent, shown, as_json=as_json)


def _inputs(world: World) -> dict[str, Json]:
    return {"program": str(world.program), "cluster": world.cluster.value}


def _shown(
    session: Session, found: OnChain, said: Sequence[str], taken: Bill, consent: Consent
) -> Shown:
    """What is printed above the steps; refused where it is to be done and cannot be paid."""
    world = session.world
    if consent.execute:
        refuse_poor(taken)
    return Shown(
        facts=[
            *said,
            f"Program {world.program} on {world.cluster}, authority {world.vault}",
            *(f"  {line}" for line in taken.lines()),
        ],
        hashes={"program": found.hash} if found.hash else {},
    )


def _address(text: str) -> Pubkey:
    try:
        return Pubkey.from_string(text)
    except ValueError:
        raise SessionError(f"{text} is no address") from None
