"""The chain: LiteSVM, with slots that pass, blocks that are abandoned, and a memory of the past."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from solders.account import Account
from solders.compute_budget import set_compute_unit_limit
from solders.hash import Hash
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.message import Message
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import (
    FailedTransactionMetadata,
    SimulateResult,
    TransactionMetadata,
)
from solders.transaction_status import TransactionErrorFieldless, TransactionErrorType

from localnet.clock import CONFIRMED_LAG, FINALIZED_LAG, Block, Blocks
from localnet.faults import Dice, Faults
from localnet.funds import FAUCET_LAMPORTS
from localnet.programs import LOADER, uncallable
from localnet.transactions import (
    Keys,
    asks,
    blockhash_of,
    fee_of,
    id_of,
    keys_of,
    nonce_is_good,
    price_of,
    programs_of,
)

GENESIS: Final = {
    "localnet": Hash(b"slipway localnet".ljust(32, b"\0")),
    "devnet": Hash.from_string("EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG"),
    "testnet": Hash.from_string("4uhcVJyU9pJkvQyS88uRDiswHXSCkY3zQawwpjk2NsNY"),
    "mainnet-beta": Hash.from_string("5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"),
}
LAGS: Final = {"processed": 0, "confirmed": CONFIRMED_LAG, "finalized": FINALIZED_LAG}
_START = 1_735_689_600
_UNITS_OF_A_TRANSFER = 10_000
_REMEMBERED = FINALIZED_LAG * 2


@dataclass(frozen=True, kw_only=True)
class Record:
    """A transaction that landed, and what came of it."""

    transaction: VersionedTransaction
    keys: Keys
    block: Block
    error: TransactionErrorType | None
    meta: TransactionMetadata | None
    fee: int
    logs: list[str]
    balances: tuple[list[int], list[int]]
    """Lamports of each account, before and after."""


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """What would come of a transaction, now."""

    error: TransactionErrorType | None
    meta: TransactionMetadata | None
    logs: list[str]
    accounts: dict[Pubkey, Account]


@dataclass(frozen=True, kw_only=True)
class _Pending:
    transaction: VersionedTransaction
    slot: int
    """The first slot in which it can land."""


class Chain:
    """A chain that moves on by one slot with every `advance`; everything else happens in between.

    The same calls in the same order, with the same faults, make the same chain, hashes included.
    """

    def __init__(
        self,
        *,
        cluster: str = "localnet",
        faults: Faults | None = None,
        time: int = _START,
        told: Callable[[str, str], None] | None = None,
        funds: Mapping[Pubkey, int] | None = None,
    ) -> None:
        """Start the chain of `cluster` (its genesis hash) at `time`, in seconds since 1970.

        Who is in `funds` has so many lamports from the first block on.
        """
        self.genesis = GENESIS[cluster]
        self.dice = Dice(faults or Faults(), told)
        self.records: dict[Signature, Record] = {}
        self._svm = (
            LiteSVM()
            .with_mainnet_features()
            .with_feature_accounts()
            .with_blockhash_check(check=False)
            .with_transaction_history(0)
        )
        self._faucet = Keypair.from_seed(b"slipway localnet faucet".ljust(32, b"\0"))
        self._drops = 0
        self._pending: list[_Pending] = []
        self._svm.set_account(
            self._faucet.pubkey(), Account(FAUCET_LAMPORTS, b"", Pubkey.default())
        )
        for key, lamports in (funds or {}).items():
            self._svm.set_account(key, Account(lamports, b"", Pubkey.default()))
        slot = self._svm.get_clock().slot
        self.blocks = Blocks(seed=bytes(self.genesis), slot=slot, time=time)
        for _ in range(FINALIZED_LAG + 1):
            self._next_block()

    @property
    def faults(self) -> Faults:
        """What goes wrong on purpose."""
        return self.dice.faults

    def block_at(self, commitment: str, behind: int = 0) -> Block:
        """The newest block of that commitment, on a node that is `behind` by so many slots."""
        return self.blocks.behind(LAGS[commitment] + behind)

    def account(self, key: Pubkey, at: Block | None = None) -> Account | None:
        """The account as it was at the end of the block `at`; an empty one is none."""
        for block in self.blocks.after(at) if at else ():
            if key in block.before:
                return block.before[key]
        return self._now(key)

    def program_accounts(self, program: Pubkey, at: Block) -> dict[Pubkey, Account]:
        """The accounts that `program` owns, at the end of the block `at`."""
        keys = {key for key, _ in self._svm.get_program_accounts(program)}
        keys.update(*(block.before for block in self.blocks.after(at)))
        found = ((key, self.account(key, at)) for key in sorted(keys, key=bytes))
        return {key: each for key, each in found if each and each.owner == program}

    def rent(self, length: int) -> int:
        """The lamports that keep an account of `length` bytes."""
        return self._svm.minimum_balance_for_rent_exemption(length)

    def is_good(self, transaction: VersionedTransaction, at: Block) -> bool:
        """Whether what the transaction stands on is still good."""
        return self.blocks.is_good(blockhash_of(transaction), at) or nonce_is_good(
            transaction, self._now
        )

    def submit(self, transaction: VersionedTransaction) -> Signature:
        """Take a transaction, which lands in the next slot unless a fault wants it otherwise."""
        faults, dice = self.faults, self.dice
        signature = id_of(transaction)
        hit, name = asks(transaction.message), str(signature)
        first = self.blocks.newest.slot + 1
        if dice.happens("drop", faults.drop, hit, name):
            return signature
        if dice.happens("delay", faults.delay, hit, name):
            first += dice.between("delay_slots", 1, faults.delay_slots, hit)
        self._pending.append(_Pending(transaction=transaction, slot=first))
        if dice.happens("duplicate", faults.duplicate, hit, name):
            self._pending.append(_Pending(transaction=transaction, slot=first + 1))
        return signature

    def advance(self, slots: int = 1) -> None:
        """Let slots pass: each begins a block, which takes the transactions that are due."""
        for _ in range(slots):
            block = self._next_block()
            slot = str(block.slot)
            if self.dice.happens("fork", self.faults.fork, slot.encode(), f"slot {slot}"):
                self._fork(self.faults.fork_slots)
            newest = self.blocks.newest.slot
            due = [each for each in self._pending if each.slot <= newest]
            self._pending = [each for each in self._pending if each.slot > newest]
            for each in due:
                self._land(each.transaction)

    def airdrop(self, to: Pubkey, lamports: int) -> Signature:
        """Send lamports from the faucet; like every transaction, it lands in the next slot."""
        self._drops += 1
        instructions = [
            # No two airdrops are the same transaction, or the second would not land.
            set_compute_unit_limit(_UNITS_OF_A_TRANSFER + self._drops),
            transfer(
                TransferParams(from_pubkey=self._faucet.pubkey(), to_pubkey=to, lamports=lamports)
            ),
        ]
        message = Message.new_with_blockhash(
            instructions, self._faucet.pubkey(), self.blocks.newest.hash
        )
        transaction = VersionedTransaction(message, [self._faucet])
        first = self.blocks.newest.slot + 1
        self._pending.append(_Pending(transaction=transaction, slot=first))
        return id_of(transaction)

    def place(self, key: Pubkey, account: Account) -> None:
        """Put an account there as it is, past every program: how a test breaks one."""
        self.blocks.newest.before.setdefault(key, self._now(key))
        self._svm.set_account(key, account)

    def simulate(
        self, transaction: VersionedTransaction, *, verify: bool = True, at: Block | None = None
    ) -> Simulation:
        """What would come of the transaction by the clock of the block `at`, or the newest.

        Accounts are as they are now; signatures are checked or not.
        """
        if id_of(transaction) in self.records and verify:
            return _refused(TransactionErrorFieldless.AlreadyProcessed)
        at = at or self.blocks.newest
        if error := uncallable(programs_of(transaction.message), at.slot, self._now):
            return Simulation(
                error=error, meta=None, logs=_not_deployed(transaction, error.index), accounts={}
            )
        result = self._simulated(transaction, at, verify=verify)
        if isinstance(result, FailedTransactionMetadata):
            meta = result.meta()
            return Simulation(error=result.err(), meta=meta, logs=meta.logs(), accounts={})
        meta = result.meta()
        accounts = dict(result.post_accounts())
        return Simulation(error=None, meta=meta, logs=meta.logs(), accounts=accounts)

    def _simulated(
        self, transaction: VersionedTransaction, at: Block, *, verify: bool
    ) -> SimulateResult:
        self._svm.with_sigverify(sigverify=verify)
        self._svm.set_clock(self.blocks.clock(at))
        try:
            return self._svm.simulate_transaction(transaction)
        finally:
            self._svm.set_clock(self.blocks.clock())
            self._svm.with_sigverify(sigverify=True)

    def _now(self, key: Pubkey) -> Account | None:
        account = self._svm.get_account(key)
        return account if account and account.lamports else None

    def _next_block(self) -> Block:
        block = self.blocks.add()
        # What lies further back than any node that is behind can be asked for is forgotten.
        self.blocks.behind(_REMEMBERED).before.clear()
        self._tick()
        return block

    def _tick(self) -> None:
        self._svm.set_clock(self.blocks.clock())
        self._svm.expire_blockhash()

    def _fork(self, count: int) -> None:
        """Abandon the newest blocks: what they did is undone, what they held is forgotten."""
        # The block that was just begun is empty: it goes, too.
        for block in self.blocks.abandon(count + 1):
            # A program account makes LiteSVM load its program, whose bytes have to lie there.
            for key, account in sorted(block.before.items(), key=_is_program):
                self._svm.set_account(key, account or Account(0, b"", Pubkey.default()))
            for signature in block.signatures:
                del self.records[signature]
        self._tick()

    def _land(self, transaction: VersionedTransaction) -> None:
        block, signature = self.blocks.newest, id_of(transaction)
        if signature in self.records or not self.is_good(transaction, block):
            return
        message = transaction.message
        keys = keys_of(message, self._now)
        before = {key: self._now(key) for key in keys.writable}
        lamports = [self._svm.get_balance(key) or 0 for key in keys.all]
        if error := uncallable(programs_of(message), block.slot, self._now):
            logs, meta = _not_deployed(transaction, error.index), None
            if not self._pay(keys.own[0], fee_of(message)):
                return
        else:
            result = self._svm.send_transaction(transaction)
            failed = isinstance(result, FailedTransactionMetadata)
            error = result.err() if failed else None
            meta = result.meta() if failed else result
            logs = meta.logs()
            if failed and self._svm.get_balance(keys.own[0]) == lamports[0]:
                return  # Who cannot pay for a transaction, or sends nonsense, leaves no trace.
        for key, account in before.items():
            block.before.setdefault(key, account)
        block.signatures.append(signature)
        block.prices.append((price_of(message), frozenset(keys.writable)))
        self.records[signature] = Record(
            transaction=transaction,
            keys=keys,
            block=block,
            error=error,
            meta=meta,
            fee=fee_of(message),
            logs=logs,
            balances=(lamports, [self._svm.get_balance(key) or 0 for key in keys.all]),
        )

    def _pay(self, payer: Pubkey, fee: int) -> bool:
        account = self._now(payer)
        if account is None or account.lamports < fee:
            return False
        left = Account(account.lamports - fee, account.data, account.owner)
        self._svm.set_account(payer, left)
        return True


def _is_program(item: tuple[Pubkey, Account | None]) -> bool:
    account = item[1]
    return account is not None and account.executable and account.owner == LOADER


def _refused(error: TransactionErrorType) -> Simulation:
    return Simulation(error=error, meta=None, logs=[], accounts={})


def _not_deployed(transaction: VersionedTransaction, index: int) -> list[str]:
    program = programs_of(transaction.message)[index]
    return [
        f"Program {program} invoke [1]",
        "Program is not deployed",
        f"Program {program} failed: Unsupported program id",
    ]
