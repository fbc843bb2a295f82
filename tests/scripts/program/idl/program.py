"""A chain with program-metadata on it, as far as an IDL needs: the program itself is not at hand.

It keeps the program's own checks, one by one, and the limits of the runtime around it: how much an
account grows in one instruction, and that each has its rent in the end.
"""

import struct
from collections.abc import Mapping, Sequence

from solders.account import Account
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM
from solders.transaction import VersionedTransaction
from solders.transaction_status import (
    InstructionErrorFieldless,
    TransactionErrorFieldless,
    TransactionErrorInstructionError,
)

from localnet.chain import Simulation
from localnet.clock import Block
from localnet.transactions import Keys, id_of, keys_of, programs_of
from scripts.program.idl.metadata import HEADER, METADATA, Kind, Tag
from scripts.program.loader import LOADER
from scripts.program.multisig.squads import SQUADS
from tests.localnet.programs import SOL
from tests.scripts.program.multisig.program import ProgramError, SquadsChain

NOT_EXECUTABLE, BAD_PROGRAM, BAD_PROGRAM_DATA, IMMUTABLE, BAD_LENGTH = range(5)
GROWTH = 10_240
_NOBODY = bytes(32)
_ERROR = InstructionErrorFieldless


class MetadataChain(SquadsChain):
    """A chain that runs the instructions of program-metadata, those of a vault too."""

    emulated = frozenset({SQUADS, METADATA})

    def __init__(self) -> None:
        super().__init__()
        self.place(METADATA, Account(SOL, b"", SYSTEM))

    def simulate(
        self, transaction: VersionedTransaction, *, verify: bool = True, at: Block | None = None
    ) -> Simulation:
        """As the chain does: the instructions run, and nothing of it stays."""
        if METADATA not in programs_of(transaction.message):
            return super().simulate(transaction, verify=verify, at=at)
        if id_of(transaction) in self.records:
            error = TransactionErrorFieldless.AlreadyProcessed
            return Simulation(error=error, meta=None, logs=[], accounts={})
        keys = keys_of(transaction.message, self._now)
        before = {key: self._now(key) for key in keys.writable}
        error = self.run_all(transaction, keys, before)
        self.restore(before)
        return Simulation(error=error, meta=None, logs=[], accounts={})

    def run_all(
        self, transaction: VersionedTransaction, keys: Keys, before: Mapping[Pubkey, Account | None]
    ) -> TransactionErrorInstructionError | None:
        """All instructions or none; none, too, where an account lacks its rent in the end."""
        error = super().run_all(transaction, keys, before)
        if error:
            return error
        for key in keys.writable:
            account = self._now(key)
            if account and account.owner == METADATA:
                assert len(account.data) >= HEADER
                if account.lamports < self.rent(len(account.data)):
                    self.restore(before)
                    last = len(transaction.message.instructions) - 1
                    return TransactionErrorInstructionError(last, _ERROR.AccountNotRentExempt)
        return None

    def call(self, instruction: Instruction, blockhash: Hash) -> None:
        """Run an instruction; the outermost one is what growth is counted by."""
        outermost = not getattr(self, "_sizes", None)
        if outermost:
            keys = {one.pubkey for one in instruction.accounts}
            self._sizes = {key: len(found.data) if (found := self._now(key)) else 0 for key in keys}
        try:
            if instruction.program_id == METADATA:
                self._metadata(instruction.accounts, instruction.data)
            else:
                super().call(instruction, blockhash)
        finally:
            if outermost:
                self._sizes = {}

    def _metadata(self, accounts: Sequence[AccountMeta], data: bytes) -> None:
        handlers = {
            Tag.WRITE: (self._write, 3, None),
            Tag.INITIALIZE: (self._initialize, 5, None),
            Tag.SET_AUTHORITY: (self._set_authority, 4, 4),
            Tag.SET_DATA: (self._set_data, 5, None),
            Tag.TRIM: (self._trim, 6, 6),
            Tag.CLOSE: (self._close, 5, 5),
            Tag.ALLOCATE: (self._allocate, 5, None),
            Tag.EXTEND: (self._extend, 4, None),
        }
        handler, least, most = handlers[Tag(data[0])]
        if len(accounts) < least or (most and len(accounts) > most):
            raise ProgramError(_ERROR.NotEnoughAccountKeys)
        handler(accounts, data[1:])

    def _write(self, accounts: Sequence[AccountMeta], body: bytes) -> None:
        target, authority, source = accounts[:3]
        if len(body) < struct.calcsize("<I"):
            raise ProgramError(_ERROR.InvalidInstructionData)
        _must_sign(authority)
        held = self._held(target.pubkey)
        if held[:1] != bytes([Kind.BUFFER]):
            raise ProgramError(_ERROR.InvalidAccountData)
        if held[33:65] != bytes(authority.pubkey):
            raise ProgramError(_ERROR.IncorrectAuthority)
        (offset,) = struct.unpack_from("<I", body)
        written, named = body[4:], source.pubkey != METADATA
        if bool(written) == named:
            raise ProgramError(_ERROR.InvalidInstructionData)
        if named:
            written = self._source(source.pubkey, not_=target.pubkey)
        at = HEADER + offset
        grown = bytearray(held.ljust(at + len(written), b"\0"))
        grown[at : at + len(written)] = written
        self._resize(target, bytes(grown))

    def _initialize(self, accounts: Sequence[AccountMeta], body: bytes) -> None:
        address, authority, program, program_data = accounts[:4]
        if len(body) < struct.calcsize("<16s4B"):
            raise ProgramError(_ERROR.InvalidInstructionData)
        seed, form, written = body[:16], body[16:20], body[20:]
        _must_sign(authority)
        canonical = self._is_authority(program, program_data, authority.pubkey)
        _must_derive(address, program, authority, seed, canonical=canonical)
        held = self._held(address.pubkey)
        if held[:1] == bytes([Kind.METADATA]):
            raise ProgramError(_ERROR.AccountAlreadyInitialized)
        # Without a buffer the data comes along, which nobody here does.
        if held[:1] != bytes([Kind.BUFFER]) or len(held) < HEADER:
            raise ProgramError(_ERROR.InvalidAccountData)
        if written:
            raise ProgramError(_ERROR.InvalidInstructionData)
        own = _NOBODY if canonical else bytes(authority.pubkey)
        head = (
            bytes([Kind.METADATA]) + bytes(program.pubkey) + own + bytes([True, canonical]) + seed
            + _form(form, len(held) - HEADER) + bytes(5)
        )  # fmt: skip
        self._resize(address, head + held[HEADER:])

    def _set_authority(self, accounts: Sequence[AccountMeta], body: bytes) -> None:
        account, authority, program, program_data = accounts
        if not body:
            raise ProgramError(_ERROR.InvalidInstructionData)
        given, new = body[0], body[1:]
        _must_sign(authority)
        held = self._held(account.pubkey)
        is_metadata = held[:1] == bytes([Kind.METADATA])
        if is_metadata and not held[66]:
            raise ProgramError(_ERROR.InvalidAccountData)
        self._must_authorize(held, authority, program, program_data)
        if not given and not is_metadata:
            raise ProgramError(_ERROR.InvalidArgument)
        if given and (len(new) != len(_NOBODY) or new == _NOBODY):
            raise ProgramError(_ERROR.InvalidArgument)
        self._resize(account, held[:33] + (new if given else _NOBODY) + held[65:])

    def _set_data(self, accounts: Sequence[AccountMeta], body: bytes) -> None:
        account, authority, buffer, program, program_data = accounts[:5]
        held = self._held(account.pubkey)
        if held[:1] != bytes([Kind.METADATA]):
            raise ProgramError(_ERROR.UninitializedAccount)
        self._must_authorize(held, authority, program, program_data)
        # Beside the form, the data comes along or lies in a buffer; here it does always that.
        if len(body) != struct.calcsize("<4B") or buffer.pubkey == METADATA:
            raise ProgramError(_ERROR.InvalidInstructionData)
        data = self._source(buffer.pubkey)
        head = held[:83] + _form(body, len(data)) + held[91:HEADER]
        self._resize(account, head + data)

    def _trim(self, accounts: Sequence[AccountMeta], _body: bytes) -> None:
        account, authority, program, program_data, destination, _rent = accounts
        held = self._held(account.pubkey)
        self._must_authorize(held, authority, program, program_data)
        if held[:1] == bytes([Kind.METADATA]):
            (length,) = struct.unpack_from("<I", held, 87)
            held = held[: HEADER + length]
        now = self._now(account.pubkey)
        assert now
        least = self.rent(len(held))
        if now.lamports < least:
            raise ProgramError(_ERROR.AccountNotRentExempt)
        self._svm.set_account(account.pubkey, Account(least, held, METADATA))
        self._add(destination, now.lamports - least)

    def _close(self, accounts: Sequence[AccountMeta], _body: bytes) -> None:
        account, authority, program, program_data, destination = accounts
        self._must_authorize(self._held(account.pubkey), authority, program, program_data)
        now = self._now(account.pubkey)
        assert now
        assert account.is_writable
        self._svm.set_account(account.pubkey, Account(0, b"", SYSTEM))
        self._add(destination, now.lamports)

    def _allocate(self, accounts: Sequence[AccountMeta], seed: bytes) -> None:
        buffer, authority, program, program_data = accounts[:4]
        _must_sign(authority)
        by_key, canonical = buffer.pubkey == authority.pubkey, False
        if by_key == bool(seed) or len(seed) not in {0, 16}:
            raise ProgramError(_ERROR.InvalidInstructionData)
        if not by_key:
            found = self._now(program.pubkey)
            if found is None or not found.executable:
                raise ProgramError(NOT_EXECUTABLE)
            canonical = self._is_authority(program, program_data, authority.pubkey)
            _must_derive(buffer, program, authority, seed, canonical=canonical)
        now = self._now(buffer.pubkey)
        if now is None:
            raise ProgramError(_ERROR.AccountNotRentExempt)
        held = bytes(now.data) or bytes(HEADER)
        if len(held) < HEADER:
            raise ProgramError(_ERROR.InvalidAccountData)
        if now.owner == METADATA and held[0] != Kind.EMPTY:
            raise ProgramError(_ERROR.AccountAlreadyInitialized)
        own = _NOBODY if by_key else bytes(program.pubkey)
        head = (
            bytes([Kind.BUFFER]) + own + bytes(authority.pubkey) + bytes([canonical])
            + (seed or bytes(16)) + bytes(14)
        )  # fmt: skip
        self._svm.set_account(buffer.pubkey, Account(now.lamports, held, METADATA))
        self._resize(buffer, head + held[HEADER:])

    def _extend(self, accounts: Sequence[AccountMeta], body: bytes) -> None:
        account, authority, program, program_data = accounts[:4]
        if len(body) != struct.calcsize("<H"):
            raise ProgramError(_ERROR.InvalidInstructionData)
        held = self._held(account.pubkey)
        self._must_authorize(held, authority, program, program_data)
        self._resize(account, held + bytes(struct.unpack("<H", body)[0]))

    def _source(self, key: Pubkey, not_: Pubkey | None = None) -> bytes:
        """What lies in a buffer that is copied."""
        account = self._now(key)
        if account is None or account.owner != METADATA:
            raise ProgramError(_ERROR.InvalidAccountOwner)
        if account.data[:1] != bytes([Kind.BUFFER]) or key == not_:
            raise ProgramError(_ERROR.InvalidAccountData)
        return bytes(account.data[HEADER:])

    def _must_authorize(
        self, held: bytes, authority: AccountMeta, program: AccountMeta, program_data: AccountMeta
    ) -> None:
        """The key in the account, or for a canonical one the program's upgrade authority."""
        if held[:1] not in {bytes([Kind.BUFFER]), bytes([Kind.METADATA])}:
            raise ProgramError(_ERROR.InvalidAccountData)
        is_metadata = held[0] == Kind.METADATA
        if is_metadata and not held[65]:
            raise ProgramError(IMMUTABLE)
        _must_sign(authority)
        own = held[33:65]
        if own != _NOBODY and own == bytes(authority.pubkey):
            return
        canonical = held[66] if is_metadata else held[65]
        own_program = canonical and held[1:33] == bytes(program.pubkey)
        if own_program and self._is_authority(program, program_data, authority.pubkey):
            return
        raise ProgramError(_ERROR.IncorrectAuthority)

    def _is_authority(self, program: AccountMeta, program_data: AccountMeta, key: Pubkey) -> bool:
        found = self._now(program.pubkey)
        if found is None or found.owner != LOADER:
            return bool(found and found.executable) and program.pubkey == key
        if program_data.pubkey == METADATA:
            return False
        if found.data[0] != 2 or not found.executable:
            raise ProgramError(BAD_PROGRAM)
        if found.data[4:36] != bytes(program_data.pubkey):
            raise ProgramError(BAD_PROGRAM_DATA)
        held = self._now(program_data.pubkey)
        if held is None or held.data[0] != 3 or held.executable:
            raise ProgramError(BAD_PROGRAM)
        return held.data[12] == 1 and held.data[13:45] == bytes(key)

    def _held(self, key: Pubkey) -> bytes:
        account = self._now(key)
        if account is None or not account.data:
            raise ProgramError(_ERROR.UninitializedAccount)
        return bytes(account.data)

    def _resize(self, meta: AccountMeta, data: bytes) -> None:
        """Put `data` into an account of the program, as the runtime lets it."""
        account = self._now(meta.pubkey)
        assert account
        if account.owner != METADATA:
            raise ProgramError(_ERROR.ExternalAccountDataModified)
        if not meta.is_writable:
            raise ProgramError(_ERROR.ReadonlyDataModified)
        if len(data) - self._sizes.get(meta.pubkey, 0) > GROWTH:
            raise ProgramError(_ERROR.InvalidRealloc)
        self._svm.set_account(meta.pubkey, Account(account.lamports, data, METADATA))

    def _add(self, meta: AccountMeta, lamports: int) -> None:
        if not meta.is_writable:
            raise ProgramError(_ERROR.ReadonlyLamportChange)
        account = self._now(meta.pubkey) or Account(0, b"", SYSTEM)
        self._svm.set_account(
            meta.pubkey, Account(account.lamports + lamports, account.data, account.owner)
        )


def _must_sign(meta: AccountMeta) -> None:
    if not meta.is_signer:
        raise ProgramError(_ERROR.MissingRequiredSignature)


def _must_derive(
    address: AccountMeta,
    program: AccountMeta,
    authority: AccountMeta,
    seed: bytes,
    *,
    canonical: bool,
) -> None:
    own = [] if canonical else [bytes(authority.pubkey)]
    seeds = [bytes(program.pubkey), *own, seed]
    if Pubkey.find_program_address(seeds, METADATA)[0] != address.pubkey:
        raise ProgramError(_ERROR.InvalidSeeds)


def _form(form: bytes, length: int) -> bytes:
    """Encoding, compression, format and source of so many bytes, as a header has them."""
    if any(number > most for number, most in zip(form, (3, 2, 3, 2), strict=True)):
        raise ProgramError(_ERROR.InvalidInstructionData)
    if length == 0:
        raise ProgramError(BAD_LENGTH)
    return form + struct.pack("<I", length)
