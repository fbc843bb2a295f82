"""Key files, as the Solana CLI writes them: 64 numbers in JSON, for their owner's eyes alone."""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import cast

from solders.keypair import Keypair
from solders.null_signer import NullSigner
from solders.pubkey import Pubkey

from preview.files import replace
from scripts.runs.signing import KeyFileError, read_private

Signer = Keypair | NullSigner
"""Who signs; where only plans are made, an address in the place of a key."""


def read_key(path: Path, option: str = "") -> Keypair:
    """The key in the file `path`; `KeyFileError` where there is none, or others can read it.

    The `option` that names the file is told where there is none.
    """
    if option and not path.exists():
        raise KeyFileError(
            f"{option}: there is no file {path}. Name a key file of the Solana CLI, or make one:"
            f" solana-keygen new --outfile {path}"
        )
    text = read_private(path)
    try:
        return Keypair.from_bytes(bytes(cast("list[int]", json.loads(text))))
    except (ValueError, TypeError):
        # Whatever else it holds may be a secret: nothing of it is shown.
        raise KeyFileError(
            f"{path} is no key of the Solana CLI (a JSON list of 64 numbers):"
            " solana-keygen new writes one"
        ) from None


def read_signer(named: Path, option: str) -> Signer:
    """The key in the file `named`, or an address, which signs nothing but says who would."""
    if not named.exists():
        with suppress(ValueError):
            return NullSigner(Pubkey.from_string(str(named)))
    return read_key(named, option)


def make_key(path: Path) -> Keypair:
    """A new key, on disk before it is used: what it owns can be recovered after a crash."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = Keypair()
    replace(path, json.dumps(list(bytes(key))).encode(), mode=0o600)
    _sync_folder(path.parent)
    return key


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
