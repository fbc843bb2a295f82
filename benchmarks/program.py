"""Measures deployments: transactions, resends, time on good and bad links, memory, a late resume.

On the local chain with its slots of 0.4 s, and for links on the same chain with a simulated clock.
Each line ends with the bound that it is held to.
"""

# ruff: noqa: INP001 a script, not a package

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
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any, Final, cast

import httpx2
from measure import Measurement, measured
from solders.keypair import Keypair

ROOT: Final = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # the simulation lives among the tests

from localnet.faults import Faults  # noqa: E402
from scripts.program import plans  # noqa: E402
from scripts.program.chunks import largest_chunk, plan_chunks  # noqa: E402
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
"""How often each deploys, in turns; the median is compared."""
SLIPWAY: Final = Path(sys.executable).with_name("slipway")
PORT: Final = 18_911
MOST_TRANSACTIONS, MOST_SLOWDOWN, MOST_MEBIBYTES = 1.02, 1.6, 150


@dataclass(frozen=True)
class Deployed:
    """One simulated deployment: its upload, and how long all of it took."""

    progress: Progress
    seconds: float


def main() -> None:
    """Measure and print everything; exit code 1 where a bound does not hold."""
    missed = False
    for held, line in chain(_transactions(), _links(), _resume(), _real()):
        sys.stdout.write(f"{line}{'' if held else '  NOT HELD'}\n")
        sys.stdout.flush()
        missed = missed or not held
    raise SystemExit(missed)


def _transactions() -> Generator[tuple[bool, str]]:
    """How many writes, of the fewest that are possible."""
    for name, code in PROGRAMS.items():
        done = _deployed(code).progress
        share = done.landed / _fewest(code)
        yield (
            share <= MOST_TRANSACTIONS and done.sent == done.landed,
            (
                f"{name}: {done.landed} writes, {share:.3f} of the fewest (at most"
                f" {MOST_TRANSACTIONS}), {done.sent - done.landed} sent again (none)"
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
    """Whole deployments by the command, in real time, and by the Solana CLI at the same rate."""
    for name, code in PROGRAMS.items():
        own: list[float] = []
        theirs: list[float] = []
        runs: list[Measurement] = []
        for _ in range(TURNS):
            with tempfile.TemporaryDirectory() as folder, _network(Path(folder), code) as there:
                runs.append(_run_command(Path(folder), there))
                own.append(_until_deployed(Path(folder)))
            if CLI:
                with tempfile.TemporaryDirectory() as folder, _network(Path(folder), code):
                    theirs.append(_run_cli(Path(folder)))
        seconds, most = median(own), median(theirs) if theirs else CLI_SECONDS[name]
        where = "on the same chain" if theirs else "on its validator"
        yield (
            seconds <= most,
            (
                f"{name}: {seconds:.2f} s from the first transaction to the program read back"
                f" (Solana CLI {most:.2f} s {where}), {runs[-1].seconds:.1f} s until it is final"
            ),
        )
        yield (
            (most_memory := max(run.mebibytes for run in runs)) <= MOST_MEBIBYTES,
            f"{name}: {most_memory:.0f} MiB (at most {MOST_MEBIBYTES})",
        )


def _run_cli(folder: Path) -> float:
    """The same by the Solana CLI, which sends a hundred writes a second, too; how long it took."""
    url = ("--url", f"http://127.0.0.1:{PORT}", "--keypair", "payer.json")
    words = ("program", "deploy", "program.so", "--program-id", "program.json", "--use-rpc")
    return measured([str(CLI), *url, *words], folder, dict(os.environ)).seconds


def _fewest(code: bytes) -> int:
    """The fewest writes with two signers and no fee."""
    keys = [Keypair().pubkey() for _ in range(3)]
    largest = largest_chunk(payer=keys[0], authority=keys[1], buffer=keys[2])
    return len(plan_chunks(code, largest))


def _deployed(code: bytes, faults: Faults | None = None, latency: float = 0.0) -> Deployed:
    with _simulation(faults, latency) as simulation:
        return _do(simulation, code)


@contextmanager
def _simulation(faults: Faults | None = None, latency: float = 0.0) -> Generator[Simulation]:
    with (
        tempfile.TemporaryDirectory() as folder,
        simulated(Path(folder), faults=faults, latency=latency) as simulation,
    ):
        yield simulation


def _do(simulation: Simulation, code: bytes) -> Deployed:
    """Deploy, from the first look to the program read back, in simulated seconds."""
    world, last = simulation.world(code), Progress()

    def note(progress: Progress) -> None:
        nonlocal last
        last = progress

    world.watch = note
    steps = [one for one in plans.deploy(TARGET, {}).steps if one.id != "settle"]
    plan = Plan(target=TARGET, command="deploy", inputs={}, steps=steps)
    clock = simulation.runner.get_loop().time
    began = clock()
    try:
        execute(plan, world, simulation.setting())
    except SystemExit:
        simulation.chain.advance(5)
    return Deployed(last, clock() - began)


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
    environment = {**os.environ, "SLIPWAY_PAYER": "payer.json", "SLIPWAY_OPERATOR": "Ana"}
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


def _run_command(folder: Path, environment: dict[str, str]) -> Measurement:
    words = ("program", "deploy", "development", "program.so", "--version", "1.0.0")
    limit = ("--size-limit", "1000000", "--because", "it is measured, not released")
    ways = ("--program-key", "program.json", "--execute", *limit)
    return measured([str(SLIPWAY), *words, *ways], folder, environment)


def _until_deployed(folder: Path) -> float:
    """From the buffer's first transaction until the program was read back, by the journal."""
    (file,) = (folder / ".slipway" / "evidence").iterdir()
    bundle = cast("dict[str, Any]", json.loads(file.read_bytes())["bundle"])
    at = {
        (entry["kind"], entry["data"].get("step")): time.mktime(
            time.strptime(entry["at"][:19], "%Y-%m-%dT%H:%M:%S")
        )
        + float(entry["at"][19:-1])
        for entry in cast("list[dict[str, Any]]", bundle["entries"])
    }
    return at["step.found-done", "verify"] - at["step.started", "buffer"]


if __name__ == "__main__":
    main()
