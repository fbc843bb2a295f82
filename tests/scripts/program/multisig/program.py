"""A chain with Squads v4 on it, as far as an upgrade needs: the program itself is not at hand.

It keeps the program's own rules, error by error, and its accounts byte by byte as the IDL has them;
what a vault executes runs on the real loader of the chain.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from solders.account import Account
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.message import Message as Transaction
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import ID as SYSTEM
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata
from solders.transaction_status import (
    InstructionErrorCustom,
    InstructionErrorFieldless,
    TransactionErrorInstructionError,
)

from localnet.chain import Chain, Record, Simulation
from localnet.clock import Block
from localnet.transactions import Keys, fee_of, id_of, keys_of, programs_of
from scripts.program.multisig import squads
from scripts.program.multisig.squads import SQUADS, Permission, Proposal, Status

NOT_A_MEMBER, UNAUTHORIZED, BAD_STATUS, STALE, LOCKED, BAD_INDEX, VOTED = range(6000, 6007)
_ACCOUNT_IN_USE = 0
_COMPUTE_BUDGET = Pubkey.from_string("ComputeBudget111111111111111111111111111111")


class ProgramError(Exception):
    """The program refuses an instruction, with a number."""

    def __init__(self, error: int | InstructionErrorFieldless) -> None:
        super().__init__(str(error))
        self.error = InstructionErrorCustom(error) if isinstance(error, int) else error


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
    """A chain that runs Squads' instructions; the other ones run on the real programs."""

    emulated = frozenset({SQUADS})
    """The programs that are not at hand."""

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

    def simulate(
        self, transaction: VersionedTransaction, *, verify: bool = True, at: Block | None = None
    ) -> Simulation:
        """As the chain does; Squads' own are refused only where the program would."""
        if not self.emulated & set(programs_of(transaction.message)):
            return super().simulate(transaction, verify=verify, at=at)
        return Simulation(error=None, meta=None, logs=[], accounts={})

    def _land(self, transaction: VersionedTransaction) -> None:
        if not self.emulated & set(programs_of(transaction.message)):
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
        paid = {keys.own[0]: self._now(keys.own[0])}
        error = self.run_all(transaction, keys, before | paid)
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

    def run_all(
        self, transaction: VersionedTransaction, keys: Keys, before: Mapping[Pubkey, Account | None]
    ) -> TransactionErrorInstructionError | None:
        """Run the instructions, all or none; the error of the first that is refused."""
        message = transaction.message
        nonce = transaction.uses_durable_nonce()
        if nonce:
            self._use_nonce(keys.own[message.instructions[0].accounts[0]])
        for number, one in enumerate(instructions_of(transaction, keys)):
            if one.program_id == _COMPUTE_BUDGET or (nonce and number == 0):
                continue
            try:
                self.call(one, message.recent_blockhash)
            except ProgramError as refused:
                self.restore(before)
                return TransactionErrorInstructionError(number, refused.error)
        return None

    def restore(self, before: Mapping[Pubkey, Account | None]) -> None:
        """Make accounts what they were."""
        for key, account in before.items():
            self._svm.set_account(key, account or Account(0, b"", Pubkey.default()))

    def call(self, instruction: Instruction, blockhash: Hash) -> None:
        """Run an instruction: here where its program is not at hand, else on the real one."""
        if instruction.program_id == SQUADS:
            self._run([one.pubkey for one in instruction.accounts], instruction.data, blockhash)
        else:
            self._invoke(instruction, blockhash)

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

    def _run(self, accounts: Sequence[Pubkey], data: bytes, blockhash: Hash) -> None:
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
            self.call(one, blockhash)
        self._put(
            address,
            proposal_data(multisig, replace(proposal, status=Status.EXECUTED, since=self._time())),
        )

    def _invoke(self, instruction: Instruction, blockhash: Hash) -> None:
        """Run what was signed around it, or by a vault: nobody's signature is asked for again."""
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


def instructions_of(transaction: VersionedTransaction, keys: Keys) -> list[Instruction]:
    """The instructions of a transaction, with who signs and what is written."""
    message = transaction.message
    signers = set(keys.own[: message.header.num_required_signatures])
    return [
        Instruction(
            keys.own[one.program_id_index],
            one.data,
            [
                AccountMeta(
                    keys.all[place],
                    is_signer=keys.all[place] in signers,
                    is_writable=keys.all[place] in keys.writable,
                )
                for place in bytes(one.accounts)
            ],
        )
        for one in message.instructions
    ]


def _member(state: State, key: Pubkey, permission: Permission) -> None:
    own = dict(state.members).get(key)
    if own is None:
        raise ProgramError(NOT_A_MEMBER)
    if permission not in own:
        raise ProgramError(UNAUTHORIZED)
