"""Tests of what devnet is asked: whether what is to go further still runs there."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from solders.pubkey import Pubkey

from localnet.chain import Chain
from scripts.program import soak
from scripts.program.elf import program_hash
from scripts.runs.evidence import Bundle
from scripts.runs.journal import Entry
from tests.localnet.elf import program
from tests.localnet.programs import Wallet
from tests.scripts.program.network import project

_ROOT = Path(__file__).parents[3]
_ENDED = datetime(2026, 11, 20, tzinfo=UTC)


def _evidence(address: Pubkey, where: str = "staging/program") -> Bundle:
    entry = Entry.model_construct(data={"inputs": {"program": str(address), "cluster": "devnet"}})
    return Bundle.model_construct(where=where, ended=_ENDED, entries=(entry,))


@pytest.fixture(autouse=True)
def _staging(tmp_path: Path) -> None:
    """A record of staging."""
    name = "Pulumi.staging.yaml"
    (tmp_path / name).write_bytes((_ROOT / name).read_bytes())


def test_devnet_says_what_runs_there_and_since_when(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Since which slot, where its node knows no more; nothing, where nothing is there."""
    with project(tmp_path, chain=Chain(cluster="devnet")) as it:
        wallet, code = Wallet(it.chain), program(1)
        address = it.endpoint.between_blocks(lambda: wallet.deploy(code))
        it.endpoint.between_blocks(lambda: it.chain.advance(3))
        monkeypatch.setenv(soak.RPC_VARIABLE, it.endpoint.url)
        found = asyncio.run(soak.ask(_evidence(address), it.folder))
        assert not found.unasked
        assert found.hash == program_hash(code)
        assert found.slot
        assert found.since is None
        nothing = asyncio.run(soak.ask(_evidence(Pubkey.new_unique()), it.folder))
        assert (nothing.hash, nothing.unasked) == (None, "")


def test_why_devnet_could_not_be_asked_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that is away or of another cluster, an environment that nobody knows."""
    monkeypatch.setattr(soak, "_SECONDS", 0.5)
    with project(tmp_path, chain=Chain(cluster="mainnet-beta")) as it:
        for url, where, why in (
            ("http://127.0.0.1:9", "staging/program", "does not answer"),
            (it.endpoint.url, "staging/program", "the node serves mainnet-beta"),
            (it.endpoint.url, "atlantis/program", "atlantis"),
        ):
            monkeypatch.setenv(soak.RPC_VARIABLE, url)
            found = asyncio.run(soak.ask(_evidence(it.program.pubkey(), where), it.folder))
            assert why in found.unasked
            assert found.deployed == _ENDED
