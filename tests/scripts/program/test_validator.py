"""Tests with Solana's own tools: their CLI on our chain, and our commands on their validator.

They skip where `solana` or `solana-test-validator` is not on the PATH; `cargo install solana-cli
agave-validator` builds them.
"""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx2
import pytest
from solders.keypair import Keypair
from typer.testing import Result

from scripts.exits import ExitCode
from scripts.program import loader
from tests.localnet.programs import SOL, TOKEN, code_of
from tests.scripts.program.network import Project, project

_SOLANA, _VALIDATOR = shutil.which("solana"), shutil.which("solana-test-validator")
_CODE = code_of(TOKEN)
_LARGER = _CODE + b"\x01" * 60_000
"""What lies behind a program changes its hash and size, and not what it does."""
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
def test_a_program_s_whole_life_on_solana_s_validator(tmp_path: Path) -> None:
    """Deployed, grown, rolled back, extended, handed over and closed on the real thing.

    Its bytes are read back at each stage, and every lamport of it is in the evidence.
    """
    with _on_validator(tmp_path) as (it, url):
        _done(it.deploy(_CODE))
        _done(it.run("verify", "development", "--file", "program.so"))
        # Larger: it is extended, and switched a slot later.
        _done(it.upgrade(_LARGER))
        _done(it.run("verify", "development", "--file", "next.so"))
        _done(it.run("rollback", "development", "--execute"))
        _done(it.run("verify", "development", "--file", "program.so"))
        room = str(len(_LARGER) + 20_000)
        _done(it.run("extend", "development", "--to", room, "--execute"))
        new = str(it.key("new.json", Keypair()))
        _done(it.run("authority", "development", "--new-key", new, "--execute"))
        assert "is not the upgrade authority" in it.upgrade(_LARGER).stderr
        with patch("typer.testing._NamedTextIOWrapper.isatty", return_value=True, create=True):
            typed = f"close {it.program.pubkey()}\n"
            closing = ("close", "development", "--authority", new, "--execute")
            _done(it.run(*closing, typed=typed))
        assert "was closed" in it.deploy(_CODE).stderr
        assert "No buffer of" in it.run("recover", "development").stdout
        paid = 0
        for file in (it.folder / ".slipway" / "evidence").iterdir():
            costs = json.loads(file.read_bytes())["bundle"]["costs"]
            paid += costs["fees_lamports"] + costs["rent_paid_lamports"]
            paid -= costs["rent_returned_lamports"]
        _until(lambda: _lamports(url, it.payer) == 100 * SOL - paid)


@pytest.mark.validator
@pytest.mark.skipif(
    _VALIDATOR is None or _SOLANA is None, reason="Solana's tools are not on the PATH"
)
def test_a_buffer_that_the_solana_cli_left_is_closed_by_its_name(tmp_path: Path) -> None:
    """It is found with its size, and nobody here knows whose it is: it has to be named."""
    with _on_validator(tmp_path) as (it, url):
        file, payer = it.build("program.so", _CODE), it.folder / "payer.json"
        subprocess.run(  # noqa: S603
            [
                *(str(_SOLANA), "--url", url, "--keypair", str(payer)),
                *("program", "write-buffer", str(file), "--use-rpc"),
            ],
            check=True,
            timeout=300,
        )
        (left,) = json.loads(it.run("recover", "development", "--json").stdout)
        assert (left["bytes"], left["program"], left["busy"]) == (len(_CODE), None, True)
        _done(it.run("recover", "development", "--close", "--execute"))
        assert left["address"] in it.run("recover", "development").stdout
        named = ("--buffer", left["address"], "--close", "--execute")
        _done(it.run("recover", "development", *named))
        assert "No buffer of" in it.run("recover", "development").stdout


@pytest.mark.validator
@pytest.mark.skipif(
    _VALIDATOR is None or _SOLANA is None, reason="Solana's tools are not on the PATH"
)
def test_a_buffer_that_the_solana_cli_closes_under_an_upload_is_made_anew(tmp_path: Path) -> None:
    """By the run itself, which ends as if nothing had happened."""
    with _on_validator(tmp_path) as (it, url):
        payer = str(it.folder / "payer.json")
        own = {"memcmp": {"offset": 5, "bytes": str(it.payer.pubkey())}}
        buffers = {"encoding": "base64", "filters": [own], "commitment": "confirmed"}

        def close() -> None:
            _until(lambda: bool(_ask(url, "getProgramAccounts", str(loader.LOADER), buffers)))
            subprocess.run(  # noqa: S603
                [
                    *(str(_SOLANA), "--url", url, "--keypair", payer),
                    "program",
                    "close",
                    "--buffers",
                ],
                check=True,
                timeout=100,
            )

        file, key = it.build("program.so", _CODE), it.key("program.json", it.program)
        with ThreadPoolExecutor() as threads:
            closing = threads.submit(close)
            words = ("deploy", "development", str(file), "--version", "1.0.0", "--rate", "6")
            _done(it.run(*words, "--program-key", str(key), "--execute"))
            closing.result()
        _done(it.run("verify", "development", "--file", "program.so"))
        assert "No buffer of" in it.run("recover", "development").stdout


def _done(result: Result) -> None:
    assert result.exit_code == ExitCode.DONE, result.output


def _lamports(url: str, key: Keypair) -> int:
    return _ask(url, "getBalance", str(key.pubkey()))["value"]


@contextmanager
def _on_validator(folder: Path) -> Generator[tuple[Project, str]]:
    """A project whose cluster is a validator, which gave its payer 100 SOL."""
    with project(folder) as it, _validator(folder / "ledger") as url:
        record = it.folder / "Pulumi.development.yaml"
        text = re.sub(r"rpcUrls: .*", f"rpcUrls: [{url}]", record.read_text("utf-8"))
        record.write_text(text, encoding="utf-8")
        _ask(url, "requestAirdrop", str(it.payer.pubkey()), 100 * SOL)
        _until(lambda: _lamports(url, it.payer) > 0)
        yield it, url


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
