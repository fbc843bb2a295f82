"""Tests of the command in processes of its own that are stopped by real signals."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from localnet.chain import Chain
from scripts.exits import ExitCode
from scripts.program import loader
from scripts.runs.journal import Journal
from scripts.runs.sqlite import SqliteStore
from tests.localnet.elf import program
from tests.scripts.program.network import Project, project
from tests.soak import amount

_CODE = program(1, 60_000)
_MAIN = "from scripts.cli import main; main()"


def _start(it: Project) -> subprocess.Popen[str]:
    """A process that deploys slowly enough to be stopped on its way."""
    words = (
        *("program", "deploy", "development", "program.so", "--version", "1.0.0", "--execute"),
        *("--program-key", "program.json", "--rate", "30"),
    )
    return subprocess.Popen(  # noqa: S603 - this very command
        [sys.executable, "-c", _MAIN, *words],
        cwd=it.folder,
        env={**os.environ, "SLIPWAY_PAYER": "payer.json", "SLIPWAY_OPERATOR": "Ana"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _prepare(it: Project) -> None:
    it.build("program.so", _CODE)
    it.key("program.json", it.program)


def _written(it: Project) -> int:
    """How many bytes of the program have come into a buffer."""
    return it.endpoint.between_blocks(lambda: _longest(it.chain))


def _longest(chain: Chain) -> int:
    at = chain.block_at("confirmed")
    return max(
        (
            sum(map(bool, account.data[loader.BUFFER_HEADER :]))
            for account in chain.program_accounts(loader.LOADER, at).values()
            if account.data[0] == loader.State.BUFFER
        ),
        default=0,
    )


def _stop(it: Project, how: signal.Signals, after: int) -> subprocess.Popen[str]:
    """Start a deployment, and stop it when so many bytes are there."""
    process = _start(it)
    while _written(it) < after and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(how)
    return process


def _check(it: Project) -> None:
    """The right program, no buffer, no write paid twice, a journal that verifies."""
    data = it.chain.account(loader.program_data_address(it.program.pubkey()))
    assert data
    assert loader.read_program_data(data.data).code == _CODE
    assert _written(it) == 0
    writes = [
        one
        for one in it.chain.records.values()
        if one.transaction.message.instructions[-1].data[:4] == bytes([loader.Tag.WRITE, 0, 0, 0])
    ]
    said = [bytes(one.transaction.message.instructions[-1].data) for one in writes]
    assert len(said) == len(set(said))
    store = SqliteStore(it.folder / ".slipway" / "runs.sqlite")
    journal = Journal("development/program", store)
    assert journal.verify() == []
    assert len({entry.run for entry in journal.entries()}) == 1
    store.close()


def test_a_deployment_killed_for_real_ends_the_same(tmp_path: Path) -> None:
    """Kill -9, again and again on its way; the last process does the rest."""
    with project(tmp_path) as it:
        _prepare(it)
        for after in range(1, 50_000, amount(20_000, 2_500)):
            killed = _stop(it, signal.SIGKILL, after)
            killed.communicate()
            assert killed.returncode == -signal.SIGKILL
        process = _start(it)
        _, told = process.communicate()
        assert process.returncode == ExitCode.DONE, told
        assert "resuming the run" in told
        _check(it)


def test_control_c_leaves_a_run_that_says_how_to_go_on(tmp_path: Path) -> None:
    """Exit code 130; the same command ends it."""
    with project(tmp_path) as it:
        _prepare(it)
        process = _stop(it, signal.SIGINT, 5_000)
        _, told = process.communicate()
        assert process.returncode == ExitCode.INTERRUPTED, told
        assert "interrupted\n  To go on: slipway program deploy development" in told
        process = _start(it)
        _, told = process.communicate()
        assert process.returncode == ExitCode.DONE, told
        _check(it)
