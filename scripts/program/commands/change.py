"""`slipway program authority`, `extend` and `close`: what changes a program, but not its bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from solders.keypair import Keypair
from solders.pubkey import Pubkey

from scripts.program.commands.act import Consent, Shown, act
from scripts.program.elf import without_room
from scripts.program.estimate import Bill, bill
from scripts.program.keys import Signer, read_key
from scripts.program.loader import PROGRAM_DATA_HEADER
from scripts.program.node import sol
from scripts.program.refusals import refuse_change, refuse_extension, refuse_poor
from scripts.program.sending import distinct
from scripts.program.session import Options, Session, SessionError, opened
from scripts.program.state import OnChain
from scripts.program.steps import change, checks
from scripts.program.steps.switch import signers_of_extension
from scripts.program.world import World
from scripts.runs.canonical import Json
from scripts.runs.steps import Plan, Step


def authority_command(  # noqa: PLR0913 - each is an option of the command
    options: Options,
    consent: Consent,
    *,
    new_key: Path | None = None,
    new_address: str | None = None,
    final: bool = False,
    as_json: bool = False,
) -> int:
    """Hand the upgrade authority over, or take it away for good, or print the steps."""
    if sum([new_key is not None, new_address is not None, final]) != 1:
        raise SessionError("name one: --new-key FILE, --new-address ADDRESS or --final")
    new: Keypair | Pubkey | None = read_key(new_key, "--new-key") if new_key else None
    if new_address:
        new = _address(new_address)
    successor = new.pubkey() if isinstance(new, Keypair) else new
    with opened(options) as session:
        found = _found(session, successor)
        program = str(session.world.program)
        # An address does not sign: a typing error there is the end of the program, too.
        typed = f"final {program}" if final else str(new_address) if new_address else None
        inputs: dict[str, Json] = {"authority": str(successor) if successor else None}
        plan = _plan(session, "authority", inputs, [change.hand_over(new)])
        signers = [session.world.authority, *([new] if isinstance(new, Keypair) else [])]
        taken = _bill(session, plan, signers)
        said = f"The upgrade authority becomes {successor or 'nobody'}"
        shown = _shown(session, found, said, taken, consent)
        return act(session, plan, replace(consent, typed=typed), shown, as_json=as_json)


def extend_command(options: Options, consent: Consent, *, to: int, as_json: bool = False) -> int:
    """Make room for `to` bytes, or print the steps."""
    with opened(options) as session:
        world = session.world
        found = world.wait(world.on_chain())
        refuse_change(world, found)
        plan = _plan(session, "extend", {"bytes": to}, [change.grow_to(to)])
        if not plan.steps[-1].is_done(world):
            refuse_extension(found, to)
        rent = max(world.wait(world.node.rent(PROGRAM_DATA_HEADER + to)) - found.lamports, 0)
        taken = _bill(session, plan, world.wait(signers_of_extension(world)), rent)
        said = f"Room for {to:,} bytes instead of {found.capacity:,}, for {sol(rent)}"
        shown = _shown(session, found, said, taken, consent)
        return act(session, plan, consent, shown, as_json=as_json)


def close_command(options: Options, consent: Consent, *, as_json: bool = False) -> int:
    """Remove the program for good, or print the steps."""
    with opened(options) as session:
        world = session.world
        found = world.wait(world.on_chain())
        if not found.closed:
            refuse_change(world, found)
        code = without_room(found.data.code) if found.data else b""
        plan = _plan(session, "close", {}, [change.keep(code), change.close_for_good()])
        said = f"Closes {world.program} for good; {sol(found.lamports)} come back"
        shown = _shown(session, found, said, _bill(session, plan, [world.authority]), consent)
        consent = replace(consent, typed=f"close {world.program}")
        return act(session, plan, consent, shown, as_json=as_json)


def _found(session: Session, successor: Pubkey | None) -> OnChain:
    """The program, which is the operator's to hand over, or was already handed over."""
    found = session.world.wait(session.world.on_chain())
    if not (found.data and found.data.authority == successor):
        refuse_change(session.world, found)
    return found


def _plan(
    session: Session, command: str, inputs: Mapping[str, Json], steps: Sequence[Step[World]]
) -> Plan[World]:
    world = session.world
    common = {"program": str(world.program), "cluster": world.cluster.value}
    return Plan(
        target=session.target,
        command=f"program {command}",
        inputs={**common, **inputs},
        steps=[checks.cluster(), *steps],
    )


def _bill(session: Session, plan: Plan[World], signers: Sequence[Signer], rent: int = 0) -> Bill:
    """What the plan's last step takes: a transaction of the payer and `signers`."""
    world = session.world
    if plan.steps[-1].is_done(world):
        return world.wait(bill(world, 0, 0))
    return world.wait(bill(world, 1, len(distinct(world.payer, *signers)), rent=rent))


def _shown(session: Session, found: OnChain, said: str, taken: Bill, consent: Consent) -> Shown:
    """What is printed above the steps; refused where it is to be done and cannot be paid."""
    world = session.world
    if consent.execute:
        refuse_poor(taken)
    now = found.data.authority if found.data else "nobody"
    return Shown(
        facts=[
            said,
            f"Program {world.program} on {world.cluster}, authority {now}",
            *(f"  {line}" for line in taken.lines()),
        ],
        hashes={"program": found.hash} if found.hash else {},
    )


def _address(text: str) -> Pubkey:
    try:
        return Pubkey.from_string(text)
    except ValueError:
        raise SessionError(f"{text} is no address") from None
