"""Measures deployments: transactions, resends, time on good and bad links, memory, a late resume.

On the local chain with its slots of 0.4 s, and for links on the same chain with a simulated clock.
Each line ends with the bound that it is held to. Beside the Solana CLI both are whole processes,
each timed until the program is read back and compared; what counts is the ratio, in turns.
"""

# ruff: noqa: INP001 a script, not a package

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, product
from pathlib import Path
from typing import Any, Final, cast

import httpx2
from measure import measured
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.keypair import Keypair
from solders.message import Message
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

ROOT: Final = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # the simulation lives among the tests

from localnet.faults import Faults  # noqa: E402
from scripts.program import plans  # noqa: E402
from scripts.program.loader import PROGRAM_DATA_HEADER, program_data_address  # noqa: E402
from scripts.program.upload import Progress  # noqa: E402
from scripts.runs.runner import execute  # noqa: E402
from scripts.runs.steps import Plan  # noqa: E402
from tests.localnet.programs import TOKEN, TOKEN_2022, code_of  # noqa: E402
from tests.scripts.program.simulation import TARGET, Simulation, simulated  # noqa: E402

PROGRAMS: Final = {"SPL Token": code_of(TOKEN), "Token-2022": code_of(TOKEN_2022)}
CLI_SECONDS: Final = {"SPL Token": 3.2, "Token-2022": 8.2}
"""The Solana CLI 3.1.10 on its own validator, on two cores: until the program is confirmed. Held to
where the CLI is not on the PATH; else it deploys to the same chain, and is what we are held to."""
CLI: Final = shutil.which("solana")
TURNS: Final = 3
"""How often each deploys, in turns; the fastest of each count, which were disturbed least."""
SLIPWAY: Final = Path(sys.executable).with_name("slipway")
PORT: Final = 18_911
MOST_TRANSACTIONS, MOST_SLOWDOWN, MOST_MEBIBYTES = 1.02, 1.6, 150


@dataclass(frozen=True)
class Deployed:
    """One simulated deployment, as the chain saw it."""

    progress: Progress
    seconds: float
    transactions: int
    """That landed: the buffer's creation, the writes, the deployment."""
    sends: int
    """That a node was sent."""


@dataclass(frozen=True)
class Span:
    """One deployment by our command: seconds since its process began."""

    first: float
    """Until the first transaction."""
    back: float
    """Until the program was read back."""
    final: float
    """Until no fork can undo it."""


def main() -> None:
    """Measure and print everything; exit code 1 where a bound does not hold."""
    missed = False
    for held, line in chain(_transactions(), _links(), _resume(), _real()):
        sys.stdout.write(f"{line}{'' if held else '  NOT HELD'}\n")
        sys.stdout.flush()
        missed = missed or not held
    raise SystemExit(missed)


def _transactions() -> Generator[tuple[bool, str]]:
    """How many transactions, of the fewest that are possible, without and with a price."""
    for (name, code), price in product(PROGRAMS.items(), (0, 5_000)):
        done = _deployed(code, price=price)
        fewest = _fewest(code, pays=bool(price)) + 2
        share = done.transactions / fewest
        yield (
            share <= MOST_TRANSACTIONS and done.sends == done.transactions,
            (
                f"{name}{' with a price' if price else ''}: {done.transactions} transactions,"
                f" {share:.3f} of the fewest, {fewest} (at most {MOST_TRANSACTIONS}),"
                f" {done.sends - done.transactions} sent again (none)"
            ),
        )


def _links() -> Generator[tuple[bool, str]]:
    """How much longer it takes when 30 % of sends are lost, with 400 ms of latency."""
    for name, code in PROGRAMS.items():
        good = _deployed(code, latency=0.4)
        bad = [_deployed(code, Faults(drop=0.3, seed=seed), latency=0.4) for seed in range(5)]
        slowest = max(one.seconds for one in bad)
        times = slowest / good.seconds
        yield (
            times <= MOST_SLOWDOWN,
            (
                f"{name}: {good.seconds:.1f} s at 400 ms latency, {slowest:.1f} s with 30 % lost"
                f" (the slowest of 5 seeds), {times:.2f} times (at most {MOST_SLOWDOWN})"
            ),
        )


def _resume() -> Generator[tuple[bool, str]]:
    """What a run sends that begins where another was killed at 99 %."""
    code = PROGRAMS["Token-2022"]
    fewest = _fewest(code)
    most = fewest - fewest * 99 // 100
    with _simulation() as simulation:
        sends = 0

        def kill(where: str) -> None:
            nonlocal sends
            sends += where == "before a send"
            # One send made the buffer.
            if sends > 1 + fewest - most:
                raise SystemExit

        simulation.point = kill
        _do(simulation, code)
        simulation.point = lambda _: None
        done = _do(simulation, code)
    yield (
        done.progress.sent <= most,
        f"Token-2022: resumed at 99 %, {done.progress.sent} writes sent (at most {most})",
    )


def _real() -> Generator[tuple[bool, str]]:
    """Whole processes, ours and the Solana CLI's in turns, at the same rate on the same chain."""
    for name, code in PROGRAMS.items():
        own: list[Span] = []
        theirs: list[float] = []
        sizes: list[float] = []
        for _ in range(TURNS):
            with tempfile.TemporaryDirectory() as folder, _network(Path(folder), code) as there:
                span, size = _run_command(Path(folder), there)
                own.append(span)
                sizes.append(size)
            if CLI:
                with tempfile.TemporaryDirectory() as folder, _network(Path(folder), code):
                    theirs.append(_run_cli(Path(folder), code))
        ours = min(own, key=lambda one: one.back)
        most = min(theirs) if theirs else CLI_SECONDS[name]
        where = "on the same chain" if theirs else "on its validator, with nothing else to do"
        yield (
            ours.back <= most,
            (
                f"{name}: {ours.back:.2f} s from the process's start to the program read back,"
                f" {ours.back / most:.2f} of the Solana CLI's {most:.2f} s {where} (at most 1);"
                f" {ours.first:.2f} s of ours before the first transaction,"
                f" {ours.final:.1f} s until final"
            ),
        )
        yield (
            (most_memory := max(sizes)) <= MOST_MEBIBYTES,
            f"{name}: {most_memory:.0f} MiB (at most {MOST_MEBIBYTES})",
        )


def _run_cli(folder: Path, code: bytes) -> float:
    """The same by the Solana CLI, which sends a hundred writes a second, too; how long it took."""
    url = ("--url", f"http://127.0.0.1:{PORT}", "--keypair", "payer.json")
    words = ("program", "deploy", "program.so", "--program-id", "program.json", "--use-rpc")
    seconds = measured([str(CLI), *url, *words], folder, dict(os.environ)).seconds
    began = time.perf_counter()
    key = Keypair.from_bytes(bytes(json.loads((folder / "program.json").read_text("utf-8"))))
    address = str(program_data_address(key.pubkey()))
    options = {"encoding": "base64", "commitment": "confirmed"}
    account = _ask(f"http://127.0.0.1:{PORT}", "getAccountInfo", address, options)
    data = base64.b64decode(account["value"]["data"][0])
    if data[PROGRAM_DATA_HEADER:].rstrip(b"\0") != code.rstrip(b"\0"):
        raise SystemExit("what the Solana CLI deployed is not what was built")
    return seconds + time.perf_counter() - began


def _fewest(code: bytes, *, pays: bool = False) -> int:
    """The fewest writes with two signers, whoever plans them: counted from the limit of 1232 bytes.

    A transaction has a count and two signatures; in its message a header, a count and four
    accounts, a blockhash and a count; in the write its program, two counts, two accounts, and
    before the bytes tag, offset and length. A price is another program and two instructions. Of
    any plan each write covers at most so much from the first byte that no other one has covered.
    """
    signatures, message, instruction = 1 + 2 * 64, 3 + 1 + 4 * 32 + 32 + 1, 1 + 1 + 2 + 2
    fees = 32 + (1 + 1 + 1 + 5) + (1 + 1 + 1 + 9) if pays else 0
    room = 1232 - signatures - message - instruction - (4 + 4 + 8) - fees
    count = covered = 0
    for at, byte in enumerate(code):
        # A new buffer is all zeros, so what is zero in the program needs no write.
        if byte and at >= covered:
            count, covered = count + 1, at + room
    return count


def _deployed(
    code: bytes, faults: Faults | None = None, latency: float = 0.0, price: int = 0
) -> Deployed:
    with _simulation(faults, latency) as simulation:
        if price:
            _offer(simulation, price)
        return _do(simulation, code, price)


def _offer(simulation: Simulation, price: int) -> None:
    """Let some slots pass in which the payer offered so much for a compute unit."""
    own = simulation.payer.pubkey()
    for _ in range(60):
        haste = [set_compute_unit_limit(1000), set_compute_unit_price(price)]
        to_itself = transfer(TransferParams(from_pubkey=own, to_pubkey=own, lamports=1))
        blockhash = simulation.chain.blocks.newest.hash
        message = Message.new_with_blockhash([*haste, to_itself], own, blockhash)
        simulation.chain.submit(VersionedTransaction(message, [simulation.payer]))
        simulation.chain.advance()


@contextmanager
def _simulation(faults: Faults | None = None, latency: float = 0.0) -> Generator[Simulation]:
    with (
        tempfile.TemporaryDirectory() as folder,
        simulated(Path(folder), faults=faults, latency=latency) as simulation,
    ):
        yield simulation


def _do(simulation: Simulation, code: bytes, ceiling: int = 0) -> Deployed:
    """Deploy, from the first look to the program read back, in simulated seconds."""
    world, last, sends = simulation.world(code, ceiling=ceiling), Progress(), 0
    kill, before = simulation.point, len(simulation.chain.records)

    def note(progress: Progress) -> None:
        nonlocal last
        last = progress

    def count(where: str) -> None:
        nonlocal sends
        sends += where == "before a send"
        kill(where)

    world.watch, simulation.point = note, count
    steps = [one for one in plans.deploy(TARGET, {}).steps if one.id != "settle"]
    plan = Plan(target=TARGET, command="deploy", inputs={}, steps=steps)
    clock = simulation.runner.get_loop().time
    began = clock()
    try:
        execute(plan, world, simulation.setting())
    except SystemExit:
        simulation.chain.advance(5)
    landed = len(simulation.chain.records) - before
    return Deployed(last, clock() - began, landed, sends)


@contextmanager
def _network(folder: Path, code: bytes) -> Generator[dict[str, str]]:
    """A local chain in a process of its own, and a project that deploys to it."""
    url = f"http://127.0.0.1:{PORT}"
    keys = {name: Keypair() for name in ("payer", "program")}
    for name, key in keys.items():
        path = folder / f"{name}.json"
        path.write_text(json.dumps(list(bytes(key))), encoding="utf-8")
        path.chmod(0o600)
    text = (ROOT / "Pulumi.development.yaml").read_text(encoding="utf-8")
    text = re.sub(r"programId: \S+", f"programId: {keys['program'].pubkey()}", text)
    text = re.sub(r"rpcUrls: .*", f"rpcUrls: [{url}]", text)
    (folder / "Pulumi.development.yaml").write_text(text, encoding="utf-8")
    (folder / "Pulumi.yaml").write_bytes((ROOT / "Pulumi.yaml").read_bytes())
    (folder / "program.so").write_bytes(code)
    recorded = hashlib.sha256(code).hexdigest()
    (folder / "program.so.sha256").write_text(recorded, encoding="utf-8")
    own = {"SLIPWAY_PAYER": "payer.json", "SLIPWAY_OPERATOR": "Ana"}
    # Compiled modules are kept, as they are wherever nobody forbids it.
    environment = {**os.environ, **own, "PYTHONDONTWRITEBYTECODE": ""}
    words = [str(SLIPWAY), "localnet", "--port", str(PORT)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as network:  # noqa: S603 - our own command
        try:
            assert network.stdout  # noqa: S101 - it was asked for
            network.stdout.readline()
            _ask(url, "requestAirdrop", str(keys["payer"].pubkey()), 100 * 10**9)
            time.sleep(2)
            yield environment
        finally:
            network.terminate()


def _ask(url: str, method: str, *params: object) -> Any:  # noqa: ANN401 - any JSON
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return httpx2.post(url, json=request).json()["result"]


def _run_command(folder: Path, environment: dict[str, str]) -> tuple[Span, float]:
    """A deployment by our command: when it was how far, by its journal, and its memory."""
    words = ("program", "deploy", "development", "program.so", "--version", "1.0.0")
    limit = ("--size-limit", "1000000", "--because", "it is measured, not released")
    ways = ("--program-key", "program.json", "--execute", *limit)
    began = time.time()
    done = measured([str(SLIPWAY), *words, *ways], folder, environment)
    (file,) = (folder / ".slipway" / "evidence").iterdir()
    bundle = cast("dict[str, Any]", json.loads(file.read_bytes())["bundle"])
    at = {
        (entry["kind"], entry["data"].get("step")): datetime.fromisoformat(entry["at"]).timestamp()
        for entry in cast("list[dict[str, Any]]", bundle["entries"])
    }
    first, back = at["step.started", "buffer"], at["step.found-done", "verify"]
    return Span(first - began, back - began, done.seconds), done.mebibytes


if __name__ == "__main__":
    main()
