"""A product's own commands, as a product may have them: SPL Token's, which can freeze an account.

Frozen is what this product calls paused; minting is how it corrects its state. Run as a script.
"""

# ruff: noqa: T201 - a file of a project of its own, which answers by printing

import base64
import json
import os
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any, Final

from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

URL: Final = os.environ["SLIPWAY_RPC_URL"]
PROGRAM: Final = Pubkey.from_string(os.environ["SLIPWAY_PROGRAM_ID"])
STATE: Final = json.loads(Path("state.json").read_text(encoding="utf-8"))
MINT, VAULT, OTHER = (Pubkey.from_string(STATE[name]) for name in ("mint", "vault", "other"))
FREEZE, THAW, MINT_TO = 10, 11, 7
FROZEN, AMOUNT, STATUS = 2, slice(64, 72), 108
WANTED: Final = 500


def ask(method: str, *params: object) -> Any:  # noqa: ANN401 - any JSON
    """What the node answers."""
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    headers = {"Content-Type": "application/json"}
    asked = urllib.request.Request(URL, json.dumps(request).encode(), headers)  # noqa: S310 - its own node
    with urllib.request.urlopen(asked) as answer:  # noqa: S310
        said = json.load(answer)
    if "error" in said:
        sys.exit(str(said["error"]))
    return said["result"]


def account(key: Pubkey) -> bytes:
    """The bytes of an account."""
    config = {"encoding": "base64", "commitment": "confirmed"}
    return base64.b64decode(ask("getAccountInfo", str(key), config)["value"]["data"][0])


def send(tag: int, *keys: Pubkey, amount: int | None = None) -> None:
    """One instruction by the admin, until it is confirmed."""
    admin = Keypair.from_json(Path(os.environ["SLIPWAY_AUTHORITY"]).read_text(encoding="utf-8"))
    metas = [AccountMeta(key, is_signer=False, is_writable=True) for key in keys]
    metas.append(AccountMeta(admin.pubkey(), is_signer=True, is_writable=False))
    data = bytes([tag]) + (b"" if amount is None else amount.to_bytes(8, "little"))
    blockhash = ask("getLatestBlockhash", {"commitment": "confirmed"})["value"]["blockhash"]
    message = Message.new_with_blockhash(
        [Instruction(PROGRAM, data, metas)], admin.pubkey(), Hash.from_string(blockhash)
    )
    wire = base64.b64encode(bytes(VersionedTransaction(message, [admin]))).decode()
    signature = ask(
        "sendTransaction", wire, {"encoding": "base64", "preflightCommitment": "confirmed"}
    )
    for _ in range(500):
        (status,) = ask("getSignatureStatuses", [signature])["value"]
        if status and status["confirmationStatus"] != "processed":
            sys.exit(status["err"] is not None)
        time.sleep(0.01)
    sys.exit(1)


def balance(key: Pubkey) -> int:
    """What a token account holds."""
    return int.from_bytes(account(key)[AMOUNT], "little")


match sys.argv[1]:
    case "pause" if account(VAULT)[STATUS] != FROZEN:
        send(FREEZE, VAULT, MINT)
    case "unpause" if account(VAULT)[STATUS] == FROZEN:
        send(THAW, VAULT, MINT)
    case "paused":
        print(json.dumps({"paused": account(VAULT)[STATUS] == FROZEN}))
    case "accounts":
        print(json.dumps([str(key) for key in ((MINT, VAULT) if STATE["honest"] else (VAULT,))]))
    case "correct":
        if missing := WANTED - balance(VAULT):
            send(MINT_TO, MINT, VAULT, amount=missing)
    case "corrected":
        print(json.dumps({"corrected": balance(VAULT) == WANTED}))
    case "test":
        sys.exit(0 if STATE["tested"] else "the correction pays too much")
    case _:
        pass
