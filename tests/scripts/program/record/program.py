"""A chain with Otter Verify on it: its program is on mainnet only, and not at hand.

It keeps the checks that Anchor makes of the program's public source, one by one: the address, the
signer, the rent that an account already has, the size that each instruction makes it.
"""

import struct
from collections.abc import Sequence

from solders.account import Account
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM
from solders.transaction_status import InstructionErrorFieldless

from scripts.program.idl.metadata import METADATA
from scripts.program.multisig.squads import SQUADS, tag
from scripts.program.record.otter import OTTER
from tests.localnet.programs import SOL
from tests.scripts.program.idl.program import MetadataChain
from tests.scripts.program.multisig.program import ProgramError

NOT_SIGNER, NOT_MUTABLE, BAD_SEEDS, NOT_INITIALIZED, NOT_EXECUTABLE = 3010, 2000, 2006, 3012, 3007
IN_USE = 0
INITIALIZE = bytes([175, 175, 109, 31, 13, 152, 155, 237])
UPDATE = bytes([219, 200, 88, 176, 158, 63, 253, 127])
"""As solana-verify spells them out."""
_ERROR = InstructionErrorFieldless


class OtterChain(MetadataChain):
    """A chain that runs the instructions of Otter Verify, those of a vault too."""

    emulated = frozenset({SQUADS, METADATA, OTTER})

    def __init__(self) -> None:
        super().__init__()
        self.place(OTTER, Account(SOL, b"", SYSTEM))

    def call(self, instruction: Instruction, blockhash: Hash) -> None:
        """Run an instruction."""
        if instruction.program_id == OTTER:
            self._record(instruction.accounts, instruction.data)
        else:
            super().call(instruction, blockhash)

    def _record(self, accounts: Sequence[AccountMeta], data: bytes) -> None:
        if len(accounts) < struct.calcsize("4B"):
            raise ProgramError(_ERROR.NotEnoughAccountKeys)
        record, signer, program, system = accounts[:4]
        if not signer.is_signer:
            raise ProgramError(NOT_SIGNER)
        if not (signer.is_writable and record.is_writable):
            raise ProgramError(NOT_MUTABLE)
        seeds = [b"otter_verify", bytes(signer.pubkey), bytes(program.pubkey)]
        address, bump = Pubkey.find_program_address(seeds, OTTER)
        if record.pubkey != address or system.pubkey != SYSTEM:
            raise ProgramError(BAD_SEEDS)
        found = self._now(program.pubkey)
        if not (found and found.executable):
            raise ProgramError(NOT_EXECUTABLE)
        name, params = data[:8], data[8:]
        there = self._now(record.pubkey)
        is_there = there is not None and there.owner == OTTER
        if name == INITIALIZE and is_there:
            raise ProgramError(IN_USE)
        if name == UPDATE and not is_there:
            raise ProgramError(NOT_INITIALIZED)
        head = tag("account", "BuildParams") + bytes(program.pubkey) + bytes(signer.pubkey)
        self._grow(record.pubkey, signer.pubkey, head + params + bytes([bump]))

    def _grow(self, record: Pubkey, signer: Pubkey, held: bytes) -> None:
        """The account as long as what it holds: the signer pays or gets the difference in rent."""
        there, rent = self._now(record), self.rent(len(held))
        lamports = there.lamports if there else 0
        shrinks = there is not None and len(held) < len(there.data)
        keeps = rent if shrinks else max(rent, lamports)
        wallet = self._now(signer)
        more = (wallet.lamports if wallet else 0) - (keeps - lamports)
        if more < 0:
            raise ProgramError(1)
        if keeps != lamports:
            self._svm.set_account(signer, Account(more, b"", SYSTEM))
        self._svm.set_account(record, Account(keeps, held, OTTER))
