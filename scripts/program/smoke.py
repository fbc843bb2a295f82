"""A product's smoke instruction: simulated after each change, on the chain itself."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.message import Message
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from scripts.exits import CommandError, ExitCode
from scripts.program.node import CONFIRMED, Node
from scripts.program.sending import refusal
from scripts.runs.canonical import digest

_KEY: Final = r"^[1-9A-HJ-NP-Za-km-z]{32,44}$"


class SmokeError(CommandError):
    """A file that describes no instruction."""

    code = ExitCode.USAGE


class _Account(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    address: Annotated[str, Field(pattern=_KEY)]
    signer: bool = False
    writable: bool = False


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    accounts: tuple[_Account, ...] = ()
    data: Annotated[str, Field(pattern=r"^([0-9a-f]{2})*$")] = ""
    """In hex."""
    logs: str = ""
    """What its logs have to contain."""


@dataclass(frozen=True, kw_only=True)
class Smoke:
    """One instruction of the program that changes nothing, since it is only simulated."""

    accounts: tuple[AccountMeta, ...] = ()
    data: bytes = b""
    logs: str = ""

    @property
    def hash(self) -> str:
        """What tells it from another, in a plan that is approved."""
        accounts = [
            {"address": str(one.pubkey), "signer": one.is_signer, "writable": one.is_writable}
            for one in self.accounts
        ]
        return digest({"accounts": accounts, "data": self.data.hex(), "logs": self.logs})

    async def problem(self, node: Node, program: Pubkey, payer: Pubkey) -> str:
        """Why it fails on the chain as it is now; empty if it does not."""
        message = Message.new_with_blockhash(
            [Instruction(program, self.data, list(self.accounts))], payer, Hash.default()
        )
        signatures = [Signature.default()] * message.header.num_required_signatures
        transaction = VersionedTransaction.populate(message, signatures)
        answer = await node.ask(
            lambda: node.client.simulate_transaction(
                transaction,
                commitment=CONFIRMED,
                replace_recent_blockhash=True,
                min_context_slot=node.seen or None,
            )
        )
        result = answer.value
        if result.err is not None:
            return refusal(result)
        if self.logs and not any(self.logs in line for line in result.logs or []):
            return f"its logs do not contain {self.logs!r}"
        return ""


def read_smoke(path: Path) -> Smoke:
    """The instruction in the file `path`: JSON with `accounts`, `data` in hex, and `logs`."""
    try:
        found = _File.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise SmokeError(f"{path}: {place}: {first['msg']}") from None
    except (OSError, ValueError) as error:
        raise SmokeError(f"{path}: cannot be read: {error}") from None
    return Smoke(
        accounts=tuple(
            AccountMeta(
                Pubkey.from_string(one.address), is_signer=one.signer, is_writable=one.writable
            )
            for one in found.accounts
        ),
        data=bytes.fromhex(found.data),
        logs=found.logs,
    )
