"""Tests with Solana's own tools: their CLI on our chain, and our commands on their validator.

They skip where `solana` or `solana-test-validator` is not on the PATH; `cargo install solana-cli
agave-validator` builds them.
"""

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from scripts.exits import ExitCode
from scripts.program import loader
from tests.localnet.programs import SOL, TOKEN, code_of
from tests.scripts.program.network import project

_SOLANA, _VALIDATOR = shutil.which("solana"), shutil.which("solana-test-validator")
_CODE = code_of(TOKEN)
_SLOT_SECONDS = 0.4
_PATIENCE_SECONDS = 60


@pytest.mark.validator
@pytest.mark.skipif(_SOLANA is None, reason="the Solana CLI is not on the PATH")
def test_the_solana_cli_deploys_to_the_local_chain(tmp_path: Path) -> None:
    """An ordinary client finds all that it asks for; what it deployed is what was built."""
    with project(tmp_path, slot_seconds=_SLOT_SECONDS) as it:
        file = it.build("program.so", _CODE)
        payer, key = it.folder / "payer.json", it.key("program.json", it.program)
        subprocess.run(  # noqa: S603 - the tool that this test is about
            [
                *(str(_SOLANA), "--url", it.endpoint.url, "--keypair", str(payer)),
                *("program", "deploy", str(file), "--program-id", str(key), "--use-rpc"),
            ],
            check=True,
            timeout=300,
        )
        account = it.chain.account(loader.program_data_address(it.program.pubkey()))
        assert account
        assert loader.read_program_data(account.data).code.rstrip(b"\0") == _CODE.rstrip(b"\0")
        verified = it.run("verify", "development", "--file", str(file))
        assert verified.exit_code == ExitCode.DONE, verified.output


@pytest.mark.validator
@pytest.mark.skipif(_VALIDATOR is None, reason="solana-test-validator is not on the PATH")
def test_a_program_goes_there_and_back_on_solana_s_validator(tmp_path: Path) -> None:
    """Deployed, upgraded and rolled back on the real thing."""
    with project(tmp_path) as it, _validator(tmp_path / "ledger") as url:
        record = it.folder / "Pulumi.development.yaml"
        text = re.sub(r"rpcUrls: .*", f"rpcUrls: [{url}]", record.read_text("utf-8"))
        record.write_text(text, encoding="utf-8")
        _ask(url, "requestAirdrop", str(it.payer.pubkey()), 100 * SOL)
        _until(lambda: _ask(url, "getBalance", str(it.payer.pubkey()))["value"] > 0)
        deployed = it.deploy(_CODE)
        assert deployed.exit_code == ExitCode.DONE, deployed.output
        # What only lies behind the program changes its hash, and not what it does.
        upgraded = it.upgrade(_CODE + b"\x01")
        assert upgraded.exit_code == ExitCode.DONE, upgraded.output
        back = it.run("rollback", "development", "--execute")
        assert back.exit_code == ExitCode.DONE, back.output
        verify = ("verify", "development", "--file", str(it.folder / "program.so"))
        assert it.run(*verify).exit_code == ExitCode.DONE


@contextmanager
def _validator(ledger: Path) -> Generator[str]:
    """Solana's validator on its own port; where it answers."""
    url = "http://127.0.0.1:18920"
    words = [str(_VALIDATOR), "--ledger", str(ledger), "--rpc-port", "18920", "--quiet", "--reset"]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:  # noqa: S603
        try:
            _until(lambda: _ask(url, "getHealth") == "ok")
            yield url
        finally:
            process.terminate()


def _ask(url: str, method: str, *params: object) -> Any:  # noqa: ANN401 - any JSON
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return httpx2.post(url, json=request).json().get("result")


def _until(holds: Callable[[], bool]) -> None:
    """Wait for it."""
    ends = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            if holds():
                return
        except httpx2.HTTPError:
            pass
        assert time.monotonic() < ends, "the validator does not answer"
        time.sleep(0.2)
