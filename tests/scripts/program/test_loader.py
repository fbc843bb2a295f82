"""Tests of the loader's instructions: their bytes, and what the loader makes of them."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.transaction_status import (
    InstructionErrorFieldless,
    TransactionErrorInstructionError,
)

from localnet.chain import Chain
from scripts.program import loader
from tests.localnet.programs import MEMO, TOKEN, TOKEN_2022, Wallet, code_of

_A, _B, _C, _D = (Pubkey(bytes([number]) * 32) for number in range(1, 5))
_RENT, _CLOCK, _SYSTEM = (
    "SysvarRent111111111111111111111111111111111",
    "SysvarC1ock11111111111111111111111111111111",
    "11111111111111111111111111111111",
)
_DATA = str(loader.program_data_address(_A))


@pytest.mark.parametrize(
    ("instruction", "data", "accounts"),
    [
        (loader.initialize_buffer(_A, _B), "00000000", [("w", _A), ("", _B)]),
        (
            loader.write(_A, _B, 258, b"\x09\x08"),
            "010000000201000002000000000000000908",
            [("w", _A), ("s", _B)],
        ),
        (
            loader.deploy(payer=_B, program=_A, buffer=_C, authority=_D, max_length=258),
            "020000000201000000000000",
            [
                *[("ws", _B), ("w", _DATA), ("w", _A), ("w", _C), ("", _RENT), ("", _CLOCK)],
                *[("", _SYSTEM), ("s", _D)],
            ],
        ),
        (
            loader.upgrade(program=_A, buffer=_B, authority=_C, spill=_D),
            "03000000",
            [
                *[("w", _DATA), ("w", _A), ("w", _B), ("w", _D), ("", _RENT), ("", _CLOCK)],
                ("s", _C),
            ],
        ),
        (loader.set_authority(_A, _B, _C), "04000000", [("w", _A), ("s", _B), ("", _C)]),
        (loader.set_authority(_A, _B, None), "04000000", [("w", _A), ("s", _B)]),
        (loader.close_buffer(_A, _B, _C), "05000000", [("w", _A), ("w", _B), ("s", _C)]),
        (
            loader.close_program(_A, _B, _C),
            "05000000",
            [("w", _DATA), ("w", _B), ("s", _C), ("w", _A)],
        ),
        (
            loader.extend(_A, _B, 10_240),
            "0600000000280000",
            [("w", _DATA), ("w", _A), ("", _SYSTEM), ("ws", _B)],
        ),
        (loader.set_authority_checked(_A, _B, _C), "07000000", [("w", _A), ("s", _B), ("s", _C)]),
    ],
)
def test_instructions_are_as_the_loader_documents_them(
    instruction: Instruction, data: str, accounts: list[tuple[str, object]]
) -> None:
    """Tag and fields in little endian, accounts in order with their rights."""
    rights = [
        ("w" * each.is_writable + "s" * each.is_signer, str(each.pubkey))
        for each in instruction.accounts
    ]
    assert str(instruction.program_id) == "BPFLoaderUpgradeab1e11111111111111111111111"
    assert instruction.data.hex() == data
    assert rights == [(right, str(key)) for right, key in accounts]


def test_the_address_of_program_data_is_the_published_one() -> None:
    """Of SPL Token, whose account names it."""
    account = Chain().account(TOKEN)
    assert account
    assert loader.program_data_address(TOKEN) == loader.read_program(account.data)


def test_the_loader_does_what_each_instruction_says() -> None:
    """Deploy, grow, upgrade, shrink, roll back and close: bytes, authority and every lamport."""
    wallet = Wallet(Chain())
    chain, had = wallet.chain, wallet.lamports
    small, large = code_of(TOKEN), code_of(TOKEN_2022)
    program = wallet.deploy(small)
    data_key = loader.program_data_address(program)
    room = len(large) - len(small)
    wallet.do(loader.extend(program, wallet.key, room))
    for code in (large, small, large):
        before = wallet.lamports
        buffer = wallet.upload(code)
        wallet.do(
            loader.upgrade(program=program, buffer=buffer, authority=wallet.key, spill=wallet.key)
        )
        data = wallet.program_data(program)
        assert data
        assert data.code == code.ljust(len(large), b"\0")
        assert data.slot == chain.blocks.newest.slot
        assert chain.account(buffer) is None
        fees = sum(
            record.fee
            for record in chain.records.values()
            if buffer in record.keys.all and record.keys.own[0] == wallet.key
        )
        assert before - wallet.lamports == fees
    wallet.do(loader.close_program(program, wallet.key, wallet.key))
    assert chain.account(data_key) is None
    paid = sum(record.fee for record in chain.records.values() if record.keys.own[0] == wallet.key)
    # What a closed program never gives back is the rent of its own account.
    assert had - wallet.lamports == paid + chain.rent(loader.PROGRAM_SIZE)


def test_a_final_program_stays_as_it_is() -> None:
    """Nobody upgrades it any more."""
    wallet = Wallet(Chain())
    program = wallet.deploy(code_of(MEMO))
    data_key = loader.program_data_address(program)
    wallet.do(loader.set_authority(data_key, wallet.key, None))
    data = wallet.program_data(program)
    assert data
    assert data.authority is None
    assert data.code == code_of(MEMO)
    buffer = wallet.upload(code_of(MEMO))
    record = wallet.send(
        loader.upgrade(program=program, buffer=buffer, authority=wallet.key, spill=wallet.key)
    )
    assert record
    assert record.error == TransactionErrorInstructionError(0, InstructionErrorFieldless.Immutable)


def test_an_authority_changes_hands_with_both_signatures() -> None:
    """Of a program and of a buffer; the former one can do nothing more."""
    wallet = Wallet(Chain())
    heir, buffer = wallet.new_key(), wallet.upload(code_of(MEMO))
    wallet.do(loader.set_authority_checked(buffer, wallet.key, heir.pubkey()), others=(heir,))
    account = wallet.chain.account(buffer)
    assert account
    assert loader.read_buffer(account.data) == loader.Buffer(
        authority=heir.pubkey(), code=code_of(MEMO)
    )
    record = wallet.send(loader.write(buffer, wallet.key, 0, b"mine"))
    assert record
    assert record.error == TransactionErrorInstructionError(
        0, InstructionErrorFieldless.IncorrectAuthority
    )
    had = wallet.lamports
    wallet.do(loader.close_buffer(buffer, wallet.key, heir.pubkey()), others=(heir,))
    rent = wallet.chain.rent(loader.BUFFER_HEADER + len(code_of(MEMO)))
    assert wallet.lamports - had == rent - 2 * 5000


@given(data=st.binary(max_size=64))
def test_an_account_that_is_something_else_is_told(data: bytes) -> None:
    """Each reader refuses what it does not know, and reads the rest."""
    readers = {
        loader.State.BUFFER: (loader.read_buffer, loader.BUFFER_HEADER),
        loader.State.PROGRAM: (loader.read_program, loader.PROGRAM_SIZE),
        loader.State.PROGRAM_DATA: (loader.read_program_data, loader.PROGRAM_DATA_HEADER),
    }
    for state, (read, header) in readers.items():
        account = struct.pack("<I", state) + data
        if len(account) < header or (state == loader.State.BUFFER and account[4] > 1):
            with pytest.raises(loader.AccountStateError):
                read(account)
        elif state == loader.State.PROGRAM_DATA and account[12] > 1:
            with pytest.raises(loader.AccountStateError, match="byte 12"):
                read(account)
        else:
            assert read(account)
        with pytest.raises(loader.AccountStateError, match="not " + state.name.lower()):
            read(struct.pack("<I", 77) + data)
