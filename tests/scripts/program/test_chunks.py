"""Tests of the writes: none too large, none too many, and no byte missing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from scripts.program.chunks import (
    LARGEST_TRANSACTION,
    Chunk,
    NoRoomError,
    largest_chunk,
    plan_chunks,
    transaction_size,
)
from scripts.program.loader import write
from tests.localnet.programs import TOKEN, TOKEN_2022, code_of

_PRICED = [set_compute_unit_price(1), set_compute_unit_limit(1)]


@pytest.mark.parametrize(
    ("signers", "fees", "largest"),
    [(1, [], 1012), (1, _PRICED, 960), (2, [], 916), (2, _PRICED, 864)],
)
def test_a_chunk_fills_its_transaction(signers: int, fees: list[Instruction], largest: int) -> None:
    """With a signed transaction of exactly 1232 bytes, in each of the usual settings."""
    payer, other, buffer = Keypair(), Keypair(), Keypair().pubkey()
    authority = (payer, other)[signers - 1]
    found = largest_chunk(
        payer=payer.pubkey(), authority=authority.pubkey(), buffer=buffer, fees=fees
    )
    message = Message.new_with_blockhash(
        [*fees, write(buffer, authority.pubkey(), 0, bytes(found))], payer.pubkey(), Hash.default()
    )
    transaction = VersionedTransaction(message, [payer, other][:signers])
    assert found == largest
    assert len(bytes(transaction)) == LARGEST_TRANSACTION


@given(
    others=st.integers(0, 12),
    signing=st.integers(0, 8),
    note=st.integers(0, 1100),
    priced=st.booleans(),
    apart=st.booleans(),
)
def test_no_chunk_is_too_large_and_none_could_be_larger(
    others: int, signing: int, note: int, *, priced: bool, apart: bool
) -> None:
    """Whatever stands beside it in the transaction; where nothing fits, that is said."""
    payer, buffer = Pubkey.new_unique(), Pubkey.new_unique()
    authority = Pubkey.new_unique() if apart else payer
    accounts = [
        AccountMeta(Pubkey.new_unique(), is_signer=number < signing, is_writable=False)
        for number in range(others)
    ]
    beside = [Instruction(Pubkey.new_unique(), bytes(note), accounts)] if note else []
    fees = [*(_PRICED if priced else []), *beside]

    def size(length: int) -> int:
        instructions = [*fees, write(buffer, authority, 0, bytes(length))]
        return transaction_size(Message.new_with_blockhash(instructions, payer, Hash.default()))

    try:
        largest = largest_chunk(payer=payer, authority=authority, buffer=buffer, fees=fees)
    except NoRoomError:
        assert size(1) > LARGEST_TRANSACTION
    else:
        assert size(largest) <= LARGEST_TRANSACTION < size(largest + 1)


_BYTES = st.one_of(
    st.binary(max_size=400),
    st.lists(st.tuples(st.sampled_from([0, 0, 1, 255]), st.integers(1, 90)), max_size=9).map(
        lambda runs: b"".join(bytes([value]) * length for value, length in runs)
    ),
)


def _fewest(program: bytes, held: bytes, largest: int) -> int:
    """The fewest writes, by trying every place where the last one could begin."""
    best = [0]
    for end in range(1, len(program) + 1):
        if program[end - 1] == held[end - 1]:
            best.append(best[end - 1])
        else:
            best.append(1 + min(best[max(0, end - largest) : end]))
    return best[-1]


@given(program=_BYTES, present=_BYTES, largest=st.integers(1, 120))
def test_writes_leave_no_byte_out_and_are_as_few_as_can_be(
    program: bytes, present: bytes, largest: int
) -> None:
    """From whatever the buffer holds already; they come in order and do not overlap."""
    held = present[: len(program)].ljust(len(program), b"\0")
    chunks = plan_chunks(program, largest, present)
    buffer = bytearray(held)
    for chunk in chunks:
        assert 1 <= len(chunk.data) <= largest
        buffer[chunk.offset : chunk.offset + len(chunk.data)] = chunk.data
    assert buffer == program
    assert len(chunks) == _fewest(program, held, largest)
    ends = [0, *(chunk.offset + len(chunk.data) for chunk in chunks)]
    assert all(chunk.offset >= end for chunk, end in zip(chunks, ends, strict=False))


@given(largest=st.integers(-3, 0))
def test_a_write_of_nothing_is_refused(largest: int) -> None:
    """It would never end."""
    with pytest.raises(NoRoomError):
        plan_chunks(b"a", largest)


def test_only_what_is_missing_is_written() -> None:
    """Where an upload stopped, the next one goes on; when all is there, nothing is sent."""
    program = code_of(TOKEN)
    whole = plan_chunks(program, 1012)
    held = bytearray(len(program))
    for chunk in whole[:-2]:
        held[chunk.offset : chunk.offset + len(chunk.data)] = chunk.data
    assert plan_chunks(program, 1012, bytes(held)) == whole[-2:]
    assert plan_chunks(program, 1012, program) == []
    wrong = bytearray(program)
    wrong[5000] ^= 1
    assert plan_chunks(program, 1012, bytes(wrong)) == [Chunk(5000, program[5000:5001])]


def test_zeros_are_not_written() -> None:
    """A new buffer holds them: real programs need fewer writes than their length says."""
    assert len(plan_chunks(code_of(TOKEN), 1012)) == 99
    assert len(plan_chunks(code_of(TOKEN_2022), 1012)) == 608
