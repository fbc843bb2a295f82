"""A chain with Squads v4 on it, as far as an upgrade needs: the program itself is not at hand.

It keeps the program's own rules, error by error, and its accounts byte by byte as the IDL has them;
what a vault executes runs on the real loader of the chain.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from solders.account import Account
from solders.hash import Hash
from solders.instruction import Instruction
from solders.message import Message as Transaction
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import ID as SYSTEM
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata
from solders.transaction_status import (
    InstructionErrorCustom,
    TransactionErrorInstructionError,
)

from localnet.chain import Chain, Record, Simulation
from localnet.transactions import Keys, fee_of, id_of, keys_of, programs_of
from scripts.program.multisig import squads
from scripts.program.multisig.message import Message, decode
from scripts.program.multisig.squads import SQUADS, Permission, Proposal, Status

NOT_A_MEMBER, UNAUTHORIZED, BAD_STATUS, STALE, LOCKED, BAD_INDEX, VOTED = range(6000, 6007)
_ACCOUNT_IN_USE = 0


class ProgramError(Exception):
    """The program refuses an instruction, with a number."""

    def __init__(self, number: int) -> None:
        super().__init__(str(number))
        self.number = number


@dataclass(frozen=True, kw_only=True)
class State:
    """A multisig as the program keeps it."""

    create_key: Pubkey
    threshold: int
    time_lock: int
    members: tuple[tuple[Pubkey, Permission], ...]
    index: int = 0
    stale: int = 0

    def data(self) -> bytes:
        """The bytes of its account."""
        members = b"".join(bytes(key) + bytes([mask]) for key, mask in self.members)
        return (
            squads.tag("account", "Multisig") + bytes(self.create_key) + bytes(Pubkey.default())
            + struct.pack("<HIQQ", self.threshold, self.time_lock, self.index, self.stale)
            + b"\0\xff" + struct.pack("<I", len(self.members)) + members
        )  # fmt: skip


def proposal_data(multisig: Pubkey, proposal: Proposal) -> bytes:
    """The bytes of a proposal's account."""
    lists = b"".join(
        struct.pack("<I", len(keys)) + b"".join(map(bytes, keys))
        for keys in (proposal.approved, proposal.rejected, proposal.cancelled)
    )
    return (
        squads.tag("account", "Proposal") + bytes(multisig)
        + struct.pack("<QBq", proposal.index, proposal.status, proposal.since) + b"\xff" + lists
    )  # fmt: skip


def transaction_data(
    multisig: Pubkey, creator: Pubkey, index: int, vault: int, wide: bytes
) -> bytes:
    """The bytes of a vault transaction's account."""
    return (
        squads.tag("account", "VaultTransaction") + bytes(multisig) + bytes(creator)
        + struct.pack("<QBBB", index, 255, vault, 255) + struct.pack("<I", 0) + wide
    )  # fmt: skip


def widened(message: bytes) -> bytes:
    """A message as it is stored: with four bytes of length where it was sent with one or two."""
    count = message[3]
    at = 4 + 32 * count
    parts = [message[:3], struct.pack("<I", count), message[4:at]]
    number, at = message[at], at + 1
    parts.append(struct.pack("<I", number))
    for _ in range(number):
        program, length = message[at], message[at + 1]
        places = message[at + 2 : at + 2 + length]
        at += 2 + length
        (size,) = struct.unpack_from("<H", message, at)
        parts += [bytes([program]), struct.pack("<I", length), places, struct.pack("<I", size)]
        parts.append(message[at + 2 : at + 2 + size])
        at += 2 + size
    return b"".join([*parts, struct.pack("<I", 0)])


class SquadsChain(Chain):
    """A chain that runs Squads' instructions; a transaction has those and no others beside fees."""

    def found(self, multisig: Pubkey, state: State) -> None:
        """Put a multisig on the chain."""
        self._put(multisig, state.data())
        self._states = {**getattr(self, "_states", {}), multisig: state}

    def state(self, multisig: Pubkey) -> State:
        """What the multisig has come to."""
        account = self.account(multisig)
        assert account
        now = squads.parse_multisig(account.data)
        return replace(self._states[multisig], index=now.transaction_index, stale=now.stale_index)

    def become_stale(self, multisig: Pubkey) -> None:
        """What a change of members does: what was asked before can no longer be voted on."""
        state = self.state(multisig)
        self._put(multisig, replace(state, stale=state.index).data())

    def simulate(self, transaction: VersionedTransaction, *, verify: bool = True) -> Simulation:
        """As the chain does; Squads' own are refused only where the program would."""
        if SQUADS not in programs_of(transaction.message):
            return super().simulate(transaction, verify=verify)
        return Simulation(error=None, meta=None, logs=[], accounts={})

    def _land(self, transaction: VersionedTransaction) -> None:
        if SQUADS not in programs_of(transaction.message):
            super()._land(transaction)
            return
        block, message = self.blocks.newest, transaction.message
        if id_of(transaction) in self.records or not self.is_good(transaction, block):
            return
        transaction.verify_and_hash_message()
        keys = keys_of(message, self._now)
        before = {key: self._now(key) for key in keys.writable}
        lamports = [self._svm.get_balance(key) or 0 for key in keys.all]
        if not self._pay(keys.own[0], fee_of(message)):
            return
        error = self._run_all(transaction, keys, before)
        for key, account in before.items():
            block.before.setdefault(key, account)
        block.signatures.append(id_of(transaction))
        self.records[id_of(transaction)] = Record(
            transaction=transaction,
            keys=keys,
            block=block,
            error=error,
            meta=None,
            fee=fee_of(message),
            logs=[],
            balances=(lamports, [self._svm.get_balance(key) or 0 for key in keys.all]),
        )

    def _run_all(
        self, transaction: VersionedTransaction, keys: Keys, before: Mapping[Pubkey, Account | None]
    ) -> TransactionErrorInstructionError | None:
        """Run Squads' instructions, all or none; the error of the first that is refused."""
        message = transaction.message
        if transaction.uses_durable_nonce():
            self._use_nonce(keys.own[message.instructions[0].accounts[0]])
        for number, one in enumerate(message.instructions):
            if keys.own[one.program_id_index] != SQUADS:
                continue
            try:
                self._run(keys.own, bytes(one.accounts), one.data, message.recent_blockhash)
            except ProgramError as refused:
                for key, account in before.items():
                    if key != keys.own[0]:
                        self._svm.set_account(key, account or Account(0, b"", Pubkey.default()))
                return TransactionErrorInstructionError(
                    number, InstructionErrorCustom(refused.number)
                )
        return None

    def _use_nonce(self, address: Pubkey) -> None:
        account = self.account(address)
        assert account
        data = bytearray(account.data)
        data[40:72] = bytes(self.blocks.newest.hash)
        self._svm.set_account(address, Account(account.lamports, bytes(data), account.owner))

    def make_nonce(self, address: Pubkey, authority: Pubkey) -> None:
        """Put a nonce account on the chain."""
        data = struct.pack("<II", 1, 1) + bytes(authority) + bytes(self.blocks.newest.hash)
        data += struct.pack("<Q", 5000)
        self._svm.set_account(address, Account(self.rent(len(data)), data, SYSTEM))

    def _run(self, keys: Sequence[Pubkey], places: bytes, data: bytes, blockhash: Hash) -> None:
        accounts = [keys[place] for place in places]
        tag, body = data[:8], data[8:]
        names = ("vault_transaction_create", "proposal_create", "vault_transaction_execute")
        tags = {squads.tag("global", name): name for name in names}
        votes = {
            squads.tag("global", f"proposal_{name}"): name
            for name in ("approve", "reject", "cancel")
        }
        if tag in votes:
            self._vote(accounts, votes[tag])
            return
        match tags[tag]:
            case "vault_transaction_create":
                self._create(accounts, body)
            case "proposal_create":
                self._propose(accounts, body)
            case _:
                self._execute(accounts, blockhash)

    def _create(self, accounts: Sequence[Pubkey], body: bytes) -> None:
        multisig, address, creator, payer = accounts[:4]
        state = self.state(multisig)
        _member(state, creator, Permission.INITIATE)
        vault, _signers, length = struct.unpack_from("<BBI", body)
        index = state.index + 1
        if address != squads.transaction_address(multisig, index):
            raise ProgramError(BAD_INDEX)
        wide = widened(body[6 : 6 + length])
        self._make(address, transaction_data(multisig, creator, index, vault, wide), payer)
        self._put(multisig, replace(state, index=index).data())

    def _propose(self, accounts: Sequence[Pubkey], body: bytes) -> None:
        multisig, address, creator, payer = accounts[:4]
        state = self.state(multisig)
        index, draft = struct.unpack("<Q?", body)
        _member(state, creator, Permission.INITIATE)
        if index > state.index or address != squads.proposal_address(multisig, index):
            raise ProgramError(BAD_INDEX)
        if index <= state.stale:
            raise ProgramError(STALE)
        status = Status.DRAFT if draft else Status.ACTIVE
        proposal = Proposal(
            index=index, status=status, since=self._time(), approved=(), rejected=(), cancelled=()
        )
        room = 3 * 32 * len(state.members)
        self._make(address, proposal_data(multisig, proposal) + bytes(room), payer)

    def _vote(self, accounts: Sequence[Pubkey], vote: str) -> None:
        multisig, member, address = accounts[:3]
        state, proposal = self.state(multisig), self.proposal(address)
        _member(state, member, Permission.VOTE)
        wanted = Status.APPROVED if vote == "cancel" else Status.ACTIVE
        if proposal.status is not wanted:
            raise ProgramError(BAD_STATUS)
        if vote != "cancel" and proposal.index <= state.stale:
            raise ProgramError(STALE)
        field = {"approve": "approved", "reject": "rejected", "cancel": "cancelled"}[vote]
        given: tuple[Pubkey, ...] = getattr(proposal, field)
        if member in given:
            raise ProgramError(VOTED)
        voters = sum(Permission.VOTE in mask for _, mask in state.members)
        enough = voters - state.threshold + 1 if vote == "reject" else state.threshold
        now = tuple(sorted((*given, member), key=bytes))
        changed = replace(proposal, **{field: now})
        if len(now) >= enough:
            status = {
                "approve": Status.APPROVED,
                "reject": Status.REJECTED,
                "cancel": Status.CANCELLED,
            }[vote]
            changed = replace(changed, status=status, since=self._time())
        self._put(address, proposal_data(multisig, changed))

    def _execute(self, accounts: Sequence[Pubkey], blockhash: Hash) -> None:
        multisig, address, transaction, member = accounts[:4]
        state, proposal = self.state(multisig), self.proposal(address)
        _member(state, member, Permission.EXECUTE)
        if proposal.status is not Status.APPROVED:
            raise ProgramError(BAD_STATUS)
        if self._time() - proposal.since < state.time_lock:
            raise ProgramError(LOCKED)
        account = self.account(transaction)
        assert account
        found = squads.parse_transaction(account.data)
        if list(accounts[4:]) != list(found.message.accounts):
            raise ProgramError(BAD_INDEX)
        for one in found.message.unpacked():
            self._invoke(one, blockhash)
        self._put(
            address,
            proposal_data(multisig, replace(proposal, status=Status.EXECUTED, since=self._time())),
        )

    def _invoke(self, instruction: Instruction, blockhash: Hash) -> None:
        """Run what the vault signs, which only its program can: nobody's signature is asked for."""
        payer = self._faucet.pubkey()
        inner = Transaction.new_with_blockhash([instruction], payer, blockhash)
        count = inner.header.num_required_signatures
        unsigned = VersionedTransaction.populate(inner, [Signature.default()] * count)
        self._svm.with_sigverify(sigverify=False)
        try:
            result = self._svm.send_transaction(unsigned)
        finally:
            self._svm.with_sigverify(sigverify=True)
        if isinstance(result, FailedTransactionMetadata):
            raise ProgramError(1)

    def proposal(self, address: Pubkey) -> Proposal:
        """What the members said."""
        account = self.account(address)
        if account is None:
            raise ProgramError(BAD_STATUS)
        return squads.parse_proposal(account.data)

    def _time(self) -> int:
        return self._svm.get_clock().unix_timestamp

    def _make(self, address: Pubkey, data: bytes, payer: Pubkey) -> None:
        if self._now(address):
            raise ProgramError(_ACCOUNT_IN_USE)
        rent = self.rent(len(data))
        if not self._pay(payer, rent):
            raise ProgramError(1)
        self._svm.set_account(address, Account(rent, data, SQUADS))

    def _put(self, address: Pubkey, data: bytes) -> None:
        now = self._now(address)
        data = data.ljust(len(now.data) if now else 0, b"\0")
        lamports = now.lamports if now else self.rent(len(data))
        self._svm.set_account(address, Account(lamports, data, SQUADS))


def _member(state: State, key: Pubkey, permission: Permission) -> None:
    own = dict(state.members).get(key)
    if own is None:
        raise ProgramError(NOT_A_MEMBER)
    if permission not in own:
        raise ProgramError(UNAUTHORIZED)


def stored(message: bytes) -> Message:
    """The message in `message`, as the program reads it."""
    return decode(widened(message))
