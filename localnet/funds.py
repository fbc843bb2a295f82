"""Who has SOL on a new chain: an address, or the file of a key as the Solana CLI writes it."""

import json
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

from solders.keypair import Keypair
from solders.pubkey import Pubkey

FAUCET_LAMPORTS: Final = 500_000_000 * 10**9
_LAMPORTS: Final = 10**9


class FundsError(ValueError):
    """What cannot be given to somebody: to whom or how much, and what is allowed."""


def parse_funds(texts: Iterable[str]) -> dict[Pubkey, int]:
    """Lamports by address, from texts like `ADDRESS=10` or `payer.json=0.5`, in SOL."""
    found: dict[Pubkey, int] = {}
    for text in texts:
        who, _, amount = text.rpartition("=")
        if not who:
            raise FundsError(f"{text!r}: write ADDRESS=SOL, such as {Pubkey.default()}=10")
        address = _address(who)
        found[address] = found.get(address, 0) + _amount(amount)
    return found


def _amount(text: str) -> int:
    try:
        lamports = Decimal(text) * _LAMPORTS
    except InvalidOperation:
        raise FundsError(f"{text!r} is no number of SOL") from None
    if not lamports.is_finite() or lamports % 1 or not 0 < lamports < FAUCET_LAMPORTS:
        most = FAUCET_LAMPORTS // _LAMPORTS
        raise FundsError(f"{text} SOL: more than 0, less than {most:,}, in whole lamports")
    return int(lamports)


def _address(text: str) -> Pubkey:
    try:
        return Pubkey.from_string(text)
    except ValueError:
        pass
    try:
        return Keypair.from_bytes(bytes(json.loads(Path(text).expanduser().read_bytes()))).pubkey()
    except OSError as error:
        raise FundsError(f"{text} is no address and no file: {error.strerror}") from None
    except (ValueError, TypeError):
        # Whatever else it holds may be a secret: nothing of it is shown.
        raise FundsError(f"{text} is no key of the Solana CLI (64 numbers in JSON)") from None
