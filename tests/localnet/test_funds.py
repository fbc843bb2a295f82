"""Tests of who has SOL on a new chain."""

import json
from pathlib import Path

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from localnet.chain import Chain
from localnet.funds import FundsError, parse_funds

_SOMEBODY = Pubkey.default()


def test_who_is_funded_has_it_from_the_first_block_on(tmp_path: Path) -> None:
    """An address, or the file of a key; as final as anything, so that every client sees it."""
    address, key, file = Keypair().pubkey(), Keypair(), tmp_path / "payer.json"
    file.write_text(json.dumps(list(bytes(key))), encoding="utf-8")
    funds = parse_funds([f"{address}=0.5", f"{file}=3", f"{address}=1"])
    assert funds == {address: 1_500_000_000, key.pubkey(): 3_000_000_000}

    chain = Chain(funds=funds)
    for who, lamports in funds.items():
        account = chain.account(who, chain.block_at("finalized"))
        assert account
        assert account.lamports == lamports


@pytest.mark.parametrize("text", ["x", "=1", "1=", f"{_SOMEBODY}=-1", f"{_SOMEBODY}=0.0000000001"])
def test_funds_that_cannot_be_meant_are_refused(text: str) -> None:
    """To nobody, of nothing, less than a lamport; a secret in a file is never shown."""
    with pytest.raises(FundsError):
        parse_funds([text])


def test_a_file_that_is_no_key_is_not_shown(tmp_path: Path) -> None:
    """It may hold a secret all the same."""
    file = tmp_path / "payer.json"
    file.write_text('"secret words"', encoding="utf-8")
    with pytest.raises(FundsError, match="is no key of the Solana CLI") as refused:
        parse_funds([f"{file}=1"])
    assert "secret" not in str(refused.value)
