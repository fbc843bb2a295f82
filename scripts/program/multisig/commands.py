"""The commands of a multisig's members: look at proposals, vote, and sign without a network."""

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from solders.pubkey import Pubkey

from scripts.exits import ExitCode
from scripts.program.choices import Choice
from scripts.program.commands.act import Consent, Shown, act
from scripts.program.keys import read_key
from scripts.program.multisig import offline, words
from scripts.program.multisig.squad import (
    Squad,
    SquadError,
    asked,
    newest,
    read_multisig,
    refuse_member,
)
from scripts.program.multisig.squads import Permission
from scripts.program.multisig.votes import vote
from scripts.program.session import Options, Session, opened
from scripts.program.steps import checks
from scripts.runs.steps import Plan


@dataclass(frozen=True, kw_only=True)
class Vault:
    """Which vault owns the program, and which member acts."""

    multisig: str
    index: int = 0
    member: Path | None = None


def join(session: Session, vault: Vault, *needs: Permission) -> Squad:
    """The multisig as the session's upgrade authority; refused where its member may not act."""
    world = session.world
    member = read_key(vault.member.expanduser(), "--member") if vault.member else world.authority
    squad = Squad(multisig=_address(vault.multisig), vault_index=vault.index, member=member)
    found = world.wait(read_multisig(world.node, squad))
    squad = replace(squad, rules=found)
    for permission in needs:
        refuse_member(squad, found, permission)
    world.vault, world.member = squad.vault, squad.key
    return squad


def proposals_command(options: Options, vault: Vault, *, as_json: bool = False) -> int:
    """Print what was put to the members, the newest first."""
    with opened(options) as session:
        squad = join(session, vault)
        world = session.world
        multisig = world.wait(read_multisig(world.node, squad))
        found = world.wait(newest(world.node, squad, multisig))
        if as_json:
            told = [
                {
                    "index": one.proposal.index,
                    "status": one.proposal.status.name.lower(),
                    "standing": words.standing(one, multisig),
                    "approved": [str(key) for key in one.proposal.approved],
                    "executable_at": one.proposal.executable_at(multisig),
                    "does": world.wait(words.told(world.node, one, multisig))[1:],
                }
                for one in found
            ]
            sys.stdout.write(json.dumps(told, indent=2) + "\n")
            return ExitCode.DONE
        lines = [f"{squad.multisig}, vault {squad.vault}: {words.who_votes(multisig)}"]
        for one in found:
            lines += ["", *world.wait(words.told(world.node, one, multisig))]
        sys.stdout.write("\n".join(lines) + "\n")
    return ExitCode.DONE


def vote_command(  # noqa: PLR0913 - each is an option of the command
    options: Options,
    consent: Consent,
    vault: Vault,
    *,
    index: int,
    choice: Choice,
    as_json: bool = False,
) -> int:
    """Vote on a proposal, or print what would be voted on."""
    with opened(options) as session:
        squad = join(session, vault, Permission.VOTE)
        plan = Plan(
            target=session.target,
            command=f"program vote {choice.value}",
            inputs={
                "multisig": str(squad.multisig),
                "proposal": index,
                "member": str(squad.key),
            },
            steps=[checks.cluster(), vote(squad, index, choice)],
        )
        shown = Shown(facts=_told(session, squad, index))
        return act(session, plan, consent, shown, as_json=as_json)


def export_command(  # noqa: PLR0913
    options: Options,
    multisig: str,
    *,
    index: int,
    choice: Choice,
    member: str,
    nonce: str,
    output: Path,
) -> int:
    """Write a vote into a file, for a member whose key never meets a network."""
    with opened(options) as session:
        world = session.world
        squad = Squad(multisig=_address(multisig), member=world.payer)
        lines = _told(session, squad, index)
        made = world.wait(
            offline.export(
                world.node,
                cluster=world.cluster,
                multisig=squad.multisig,
                index=index,
                choice=choice,
                member=_address(member),
                nonce=_address(nonce),
                told=lines,
            )
        )
        offline.write(output, made)
        lines += ["", f"To sign it: slipway program sign {output} --key FILE"]
        sys.stdout.write("\n".join(lines) + "\n")
    return ExitCode.DONE


def sign_command(file: Path, key: Path) -> int:
    """Sign what a file holds; reads nothing but the file and the key."""
    made = offline.read(file)
    signed = offline.sign(made, read_key(key.expanduser(), "--key"))
    sys.stdout.write("\n".join(offline.described(made)) + "\n")
    offline.write(file, signed)
    sys.stdout.write(f"Signed. To send it: slipway program submit ENVIRONMENT {file}\n")
    return ExitCode.DONE


def submit_command(options: Options, consent: Consent, file: Path, *, as_json: bool = False) -> int:
    """Send what a member signed, or print what it is."""
    made = offline.read(file)
    transaction = offline.signed_transaction(made)
    with opened(options) as session:
        world = session.world
        offline.check_cluster(made, world.cluster)
        world.member = transaction.message.account_keys[0]
        plan = Plan(
            target=session.target,
            command="program submit",
            inputs={
                "cluster": made.cluster.value,
                "member": made.member,
                "signature": str(transaction.signatures[0]),
            },
            steps=[checks.cluster(), offline.submit(transaction)],
        )
        shown = Shown(facts=offline.described(made), hashes=_running(session))
        return act(session, plan, consent, shown, as_json=as_json)


def _running(session: Session) -> dict[str, str]:
    """What the program runs, which the evidence of a run about it holds for (GATE-06)."""
    hash_ = session.world.wait(session.world.on_chain()).hash
    return {"program": hash_} if hash_ else {}


def _told(session: Session, squad: Squad, index: int) -> list[str]:
    world = session.world
    multisig = world.wait(read_multisig(world.node, squad))
    one = world.wait(asked(world.node, squad, index))
    return world.wait(words.told(world.node, one, multisig))


def _address(text: str) -> Pubkey:
    try:
        return Pubkey.from_string(text)
    except ValueError:
        raise SquadError(f"{text} is no address") from None
