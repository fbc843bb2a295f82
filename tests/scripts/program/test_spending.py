"""Tests of what runs cost: to the lamport, whatever they did and however they ended."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from scripts.exits import ExitCode
from scripts.program import loader, plans
from scripts.program.sending import SIGNATURE_FEE
from scripts.program.spending import costs
from scripts.runs.runner import Outcome, execute
from tests.localnet.elf import program
from tests.localnet.programs import Wallet
from tests.scripts.program.multisig.scene import ANA, scene, upgraded
from tests.scripts.program.network import Project, project
from tests.scripts.program.simulation import TARGET, Simulation, paid, simulated

_CODE = program(1, 60_000)


def _wallet(it: Project) -> int:
    """What the payer has, once all that was sent has landed."""
    it.endpoint.between_blocks(lambda: it.chain.advance(3))
    account = it.endpoint.between_blocks(lambda: it.chain.account(it.payer.pubkey()))
    return account.lamports if account else 0


def _evidence(it: Project, known: set[Path]) -> dict[str, Any]:
    """What the newest evidence says."""
    (new,) = {*(it.folder / ".slipway" / "evidence").iterdir()} - known
    known.add(new)
    return json.loads(new.read_bytes())["bundle"]


def test_the_evidence_of_every_command_says_what_it_cost(tmp_path: Path) -> None:
    """A deployment, more room, buffers given back, another authority, the end of it."""
    with project(tmp_path) as it:
        known: set[Path] = set()
        before = _wallet(it)
        assert it.deploy(program(1, 2000)).exit_code == ExitCode.DONE
        assert before - _wallet(it) == paid(_evidence(it, known)["costs"])
        buffer = it.endpoint.between_blocks(lambda: _leave_buffer(it))
        new = str(it.key("new.json", Keypair()))
        back = ("--authority", new, "--new-key", str(it.folder / "payer.json"))
        for command, *words in (
            ("extend", "--to", "20000"),
            ("recover", "--buffer", buffer, "--close"),
            ("authority", "--new-key", new),
            ("authority", *back),
        ):
            before = _wallet(it)
            said = it.run(command, "development", *words, "--execute")
            assert said.exit_code == ExitCode.DONE, said.output
            made = _evidence(it, known)
            assert made["costs"]["transactions"] == 1, command
            assert before - _wallet(it) == paid(made["costs"]), command


def _leave_buffer(it: Project) -> str:
    wallet = Wallet(it.chain)
    buffer = wallet.upload(bytes(500))
    wallet.do(loader.set_authority(buffer, wallet.key, it.payer.pubkey()))
    it.chain.advance(3)
    return str(buffer)


def _costs(simulation: Simulation, outcome: Outcome) -> dict[str, int]:
    entries = simulation.journal().entries()
    return costs(simulation.world(b""), entries, outcome.run)


@pytest.mark.parametrize("after", [1, 2, 30, 62, 63])
def test_what_an_interrupted_run_paid_is_added_up(tmp_path: Path, after: int) -> None:
    """By whatever has landed; the same run, gone on with, adds up all of it."""
    with simulated(tmp_path) as simulation:
        began, sends = simulation.lamports, 0

        def stop(where: str) -> None:
            nonlocal sends
            sends += where == "after a send"
            if sends == after:
                raise KeyboardInterrupt

        world = simulation.world(_CODE)
        plan = plans.deploy(TARGET, plans.inputs(world))
        simulation.point = stop
        stopped = execute(plan, world, simulation.setting())
        assert stopped.code is ExitCode.INTERRUPTED
        simulation.point = lambda _: None
        simulation.let_pass(3)
        spent = _costs(simulation, stopped)
        assert spent["transactions"] > 0
        assert began - simulation.lamports == paid(spent)

        done = execute(plan, simulation.world(_CODE), simulation.setting())
        assert (done.run, done.code) == (stopped.run, ExitCode.DONE)
        assert began - simulation.lamports == paid(_costs(simulation, done))


def test_what_a_wallet_pays_beside_a_run_is_not_the_run_s(tmp_path: Path) -> None:
    """It stands on another blockhash."""
    with simulated(tmp_path) as simulation:
        began, given, world = simulation.lamports, 10**9, simulation.world(_CODE)

        def give(_where: str) -> None:
            simulation.point = lambda _: None
            own, to = simulation.payer, Pubkey.new_unique()
            gift = transfer(TransferParams(from_pubkey=own.pubkey(), to_pubkey=to, lamports=given))
            blockhash = simulation.chain.blocks.newest.hash
            message = Message.new_with_blockhash([gift], own.pubkey(), blockhash)
            simulation.chain.submit(VersionedTransaction(message, [own]))

        simulation.point = give
        done = execute(plans.deploy(TARGET, plans.inputs(world)), world, simulation.setting())
        assert done.code is ExitCode.DONE, done.message
        costs = _costs(simulation, done)
        assert began - simulation.lamports == paid(costs) + given + SIGNATURE_FEE


def test_what_a_multisig_takes_is_counted_too(tmp_path: Path) -> None:
    """The way back's buffer, and the rent of proposals, which the member pays and not the payer."""
    with scene(tmp_path) as there:
        simulation = there.simulation

        def held() -> int:
            accounts = [
                there.chain.account(key) for key in (simulation.payer.pubkey(), ANA.pubkey())
            ]
            return sum(one.lamports for one in accounts if one)

        began = held()
        upgraded(there)
        last = simulation.journal().latest("step.done")
        assert last
        assert began - held() == paid(last.data)


def test_a_silent_node_costs_nobody_the_evidence(tmp_path: Path) -> None:
    """What was paid is not known, and that is said."""
    with simulated(tmp_path) as simulation:
        world = simulation.world(_CODE)
        done = execute(plans.deploy(TARGET, plans.inputs(world)), world, simulation.setting())
        entries = [one for one in simulation.journal().entries() if one.kind != "run.done"]

        async def silent(_request: httpx2.Request) -> httpx2.Response:
            raise httpx2.ConnectError("nobody listens")

        nobody = simulation.world(_CODE, clients=[simulation.client(silent)])
        assert costs(nobody, entries, done.run) == {}
