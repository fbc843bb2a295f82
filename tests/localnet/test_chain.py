"""Tests of the chain: time, landing, the past, forks, and programs that cannot be called."""

from solders.account import Account
from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.system_program import (
    AdvanceNonceAccountParams,
    TransferParams,
    advance_nonce_account,
    create_nonce_account,
    transfer,
)
from solders.transaction import VersionedTransaction
from solders.transaction_status import (
    InstructionErrorFieldless,
    TransactionErrorFieldless,
    TransactionErrorInstructionError,
)

from localnet.chain import Chain
from localnet.clock import FINALIZED_LAG, HASH_AGE
from localnet.faults import Faults
from localnet.transactions import id_of
from scripts.program import loader
from tests.localnet.programs import MEMO, SOL, TOKEN, Wallet, code_of

_NONCE_LENGTH = 80


def _pay(wallet: Wallet, to: Pubkey, lamports: int = SOL) -> Instruction:
    return transfer(TransferParams(from_pubkey=wallet.key, to_pubkey=to, lamports=lamports))


def test_a_slot_brings_a_block_with_a_hash_of_its_own() -> None:
    """Slots, heights and time move on together."""
    chain = Chain()
    first = chain.blocks.newest
    chain.advance(5)
    last = chain.blocks.newest
    assert (last.slot - first.slot, last.height - first.height, last.time - first.time) == (5, 5, 2)
    assert last.hash != first.hash


def test_the_same_calls_make_the_same_chain() -> None:
    """Down to hashes and balances."""
    ends: list[tuple[object, ...]] = []
    for _ in range(2):
        wallet = Wallet(Chain())
        wallet.do(_pay(wallet, MEMO))
        ends.append((wallet.chain.blocks.newest.hash, wallet.lamports))
    assert ends[0] == ends[1]


def test_a_hash_is_good_for_150_blocks() -> None:
    """In the block after them a transaction that stands on it leaves no trace."""
    for wait, lands in ((HASH_AGE - 1, True), (HASH_AGE, False)):
        wallet = Wallet(Chain())
        transaction = wallet.sign(_pay(wallet, MEMO))
        wallet.chain.advance(wait)
        wallet.chain.submit(transaction)
        wallet.chain.advance()
        assert (id_of(transaction) in wallet.chain.records) is lands


def test_a_hash_that_was_never_there_is_not_good() -> None:
    """Nor does its transaction cost anything."""
    wallet, other = Wallet(Chain()), Wallet(Chain(cluster="devnet"))
    had = wallet.lamports
    wallet.chain.submit(other.sign(_pay(wallet, MEMO)))
    wallet.chain.advance()
    assert wallet.lamports == had


def test_a_transaction_lands_once() -> None:
    """However often it is sent."""
    wallet = Wallet(Chain())
    transaction = wallet.sign(_pay(wallet, MEMO))
    had = wallet.lamports
    for _ in range(3):
        wallet.chain.submit(transaction)
        wallet.chain.submit(transaction)
        wallet.chain.advance()
    assert had - wallet.lamports == SOL + 5000


def test_the_past_stays_readable() -> None:
    """Each commitment sees the accounts of its own block."""
    chain = Chain()
    wallet = Wallet(chain)
    key = Keypair().pubkey()
    for _ in range(FINALIZED_LAG + 4):
        wallet.do(_pay(wallet, key))
    newest = chain.blocks.newest.slot
    for commitment in ("processed", "confirmed", "finalized"):
        at = chain.block_at(commitment)
        account = chain.account(key, at)
        assert account
        assert account.lamports == (FINALIZED_LAG + 4 - (newest - at.slot)) * SOL


def test_an_account_without_lamports_is_none() -> None:
    """As on every cluster."""
    chain = Chain()
    wallet, poor = Wallet(chain), Wallet(chain, seed=2)
    poor.do(_pay(poor, wallet.key, poor.lamports - 5000))
    assert chain.account(poor.key) is None
    assert isinstance(chain.account(poor.key, chain.block_at("confirmed")), Account)


def test_a_fork_takes_back_what_its_blocks_did() -> None:
    """Balances, records and hashes; slots go on, heights do not."""
    wallet = Wallet(Chain())
    chain = wallet.chain
    before, had = chain.blocks.newest, wallet.lamports
    record = wallet.do(_pay(wallet, MEMO))
    lost = chain.blocks.newest
    chain.dice.faults = Faults(fork=1)
    chain.advance()
    assert wallet.lamports == had
    assert id_of(record.transaction) not in chain.records
    assert chain.blocks.height_of(lost.hash) is None
    assert chain.blocks.newest.slot == before.slot + 3
    assert chain.blocks.newest.height == before.height + 1


def test_a_fork_takes_back_an_upgrade() -> None:
    """The program runs its former bytes again."""
    wallet = Wallet(Chain())
    chain = wallet.chain
    program = wallet.deploy(code_of(MEMO), room=200_000)
    buffer = wallet.upload(code_of(TOKEN))
    call = Instruction(program, b"hello", [])
    wallet.do(call)
    wallet.do(
        loader.upgrade(program=program, buffer=buffer, authority=wallet.key, spill=wallet.key)
    )
    chain.dice.faults = Faults(fork=1)
    chain.advance()
    chain.dice.faults = Faults()
    chain.advance()
    wallet.do(call)
    data = wallet.program_data(program)
    assert data
    assert data.code.startswith(code_of(MEMO))
    assert chain.account(buffer)


def test_a_new_program_runs_from_the_next_slot() -> None:
    """In the slot of its deploy a call fails, and costs its fee."""
    wallet = Wallet(Chain())
    program, buffer = wallet.new_key(), wallet.upload(code_of(MEMO))
    deploy = loader.create_program(
        payer=wallet.key,
        program=program.pubkey(),
        buffer=buffer,
        authority=wallet.key,
        max_length=len(code_of(MEMO)),
        lamports=wallet.chain.rent(loader.PROGRAM_SIZE),
    )
    call = Instruction(program.pubkey(), b"hello", [])
    first, second = wallet.sign(*deploy, others=(program,)), wallet.sign(call)
    wallet.chain.submit(first)
    wallet.chain.submit(second)
    wallet.chain.advance()
    early = wallet.chain.records[id_of(second)]
    assert early.error == TransactionErrorInstructionError(
        0, InstructionErrorFieldless.UnsupportedProgramId
    )
    assert early.balances[0][0] - early.balances[1][0] == early.fee == 5000
    assert "Program is not deployed" in early.logs
    wallet.do(call)


def test_a_closed_program_never_runs_again() -> None:
    """LiteSVM would run it still."""
    wallet = Wallet(Chain())
    program = wallet.deploy(code_of(MEMO))
    call = Instruction(program, b"hello", [])
    wallet.do(call)
    wallet.do(loader.close_program(program, wallet.key, wallet.key))
    wallet.chain.advance(3)
    record = wallet.send(call)
    assert record
    assert record.error == TransactionErrorInstructionError(
        0, InstructionErrorFieldless.UnsupportedProgramId
    )


def test_a_simulation_changes_nothing() -> None:
    """And says what would happen."""
    wallet = Wallet(Chain())
    transaction = wallet.sign(_pay(wallet, MEMO))
    had = wallet.lamports
    simulation = wallet.chain.simulate(transaction)
    assert simulation.error is None
    assert simulation.accounts[wallet.key].lamports == had - SOL - 5000
    assert wallet.lamports == had
    wallet.chain.submit(transaction)
    wallet.chain.advance()
    again = wallet.chain.simulate(transaction)
    assert again.error == TransactionErrorFieldless.AlreadyProcessed


def test_a_simulation_reads_the_clock_of_the_block_that_it_is_asked_for() -> None:
    """A program takes one change in a slot: in the block of the last one it refuses another."""
    wallet = Wallet(Chain())
    program = wallet.deploy(code_of(TOKEN))
    wallet.do(loader.extend(program, wallet.key, 20_000))
    block = wallet.chain.blocks.newest
    wallet.chain.advance()
    again = wallet.sign(loader.extend(program, wallet.key, 20_000))
    assert wallet.chain.simulate(again).error is None
    assert wallet.chain.simulate(again, at=block).error == TransactionErrorInstructionError(
        0, InstructionErrorFieldless.InvalidArgument
    )


def test_each_cluster_has_its_genesis_hash() -> None:
    """So that a client notices where it is."""
    assert str(Chain(cluster="mainnet-beta").genesis).startswith("5eykt4UsFv8P8NJd")
    assert Chain(cluster="devnet").genesis != Chain().genesis


def test_a_durable_nonce_outlives_every_blockhash() -> None:
    """It is good until it is used, once."""
    wallet = Wallet(Chain())
    nonce = wallet.new_key()
    wallet.do(
        *create_nonce_account(
            wallet.key, nonce.pubkey(), wallet.key, wallet.chain.rent(_NONCE_LENGTH)
        ),
        others=(nonce,),
    )
    account = wallet.chain.account(nonce.pubkey())
    assert account
    stored = Hash.from_bytes(account.data[40:72])
    advance = advance_nonce_account(
        AdvanceNonceAccountParams(nonce_pubkey=nonce.pubkey(), authorized_pubkey=wallet.key)
    )

    def send(lamports: int) -> bool:
        pay = _pay(wallet, MEMO, lamports)
        message = Message.new_with_blockhash([advance, pay], wallet.key, stored)
        sent = wallet.chain.submit(VersionedTransaction(message, [wallet.keys]))
        wallet.chain.advance()
        record = wallet.chain.records.get(sent)
        return record is not None and record.error is None

    wallet.chain.advance(HASH_AGE * 2)
    assert send(SOL)
    assert not send(SOL + 1)
