"""Tests of the endpoint with the client that Python programs use (PyPI `solana`)."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest
from solana.rpc.commitment import Confirmed, Finalized, Processed
from solana.rpc.core import RPCException
from solana.rpc.models import DataSliceOpts, MemcmpOpts
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.rpc.errors import SendTransactionPreflightFailureMessage
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction
from solders.transaction_status import (
    InstructionErrorCustom,
    TransactionErrorFieldless,
    TransactionErrorInstructionError,
)

from localnet.chain import Chain
from localnet.faults import Faults
from scripts.program import loader
from scripts.program.chunks import largest_chunk, plan_chunks
from tests.localnet.programs import MEMO, SOL, TOKEN, TOKEN_2022, code_of
from tests.localnet.remote import UNASKED, Remote, connected


def _run(work: Callable[[Remote, Chain], Awaitable[None]], faults: Faults | None = None) -> None:
    async def main() -> None:
        chain = Chain(faults=faults)
        async with connected(chain) as remote:
            await work(remote, chain)

    asyncio.run(main())


async def _upload(remote: Remote, code: bytes) -> Pubkey:
    """A buffer that holds `code`, as confirmed."""
    buffer = Keypair()
    rent = await remote.client.get_minimum_balance_for_rent_exemption(
        loader.BUFFER_HEADER + len(code)
    )
    create = loader.create_buffer(
        payer=remote.key,
        buffer=buffer.pubkey(),
        authority=remote.key,
        length=len(code),
        lamports=rent.value,
    )
    await remote.do(*create, others=(buffer,))
    largest = largest_chunk(payer=remote.key, authority=remote.key, buffer=buffer.pubkey())
    latest = await remote.client.get_latest_blockhash()
    for chunk in plan_chunks(code, largest):
        write = loader.write(buffer.pubkey(), remote.key, chunk.offset, chunk.data)
        await remote.send(write, options=UNASKED, blockhash=latest.value.blockhash)
    for _ in range(2):
        await remote.client.get_slot()
    data = await remote.data(buffer.pubkey())
    assert data
    assert loader.read_buffer(data) == loader.Buffer(authority=remote.key, code=code)
    return buffer.pubkey()


async def _deployed(remote: Remote, program: Pubkey) -> loader.ProgramData:
    data = await remote.data(loader.program_data_address(program))
    assert data
    return loader.read_program_data(data)


def test_a_program_lives_its_whole_life() -> None:
    """Deploy, extend, upgrade, new authority, close: bytes and lamports at each step."""

    async def work(remote: Remote, chain: Chain) -> None:
        token, token_2022 = code_of(TOKEN), code_of(TOKEN_2022)
        program = Keypair()
        key, data_key = program.pubkey(), loader.program_data_address(program.pubkey())
        deploy = loader.create_program(
            payer=remote.key,
            program=key,
            buffer=(await _upload(remote, token)),
            authority=remote.key,
            max_length=len(token),
            lamports=chain.rent(loader.PROGRAM_SIZE),
        )
        await remote.do(*deploy, others=(program,))
        deployed = await _deployed(remote, key)
        assert (deployed.code, deployed.authority) == (token, remote.key)

        more = len(token_2022) - len(token)
        await remote.do(loader.extend(key, remote.key, more))
        assert (await _deployed(remote, key)).code == token + bytes(more)
        lamports = (await remote.client.get_balance(data_key)).value
        assert lamports == chain.rent(loader.PROGRAM_DATA_HEADER + len(token_2022))

        buffer = await _upload(remote, token_2022)
        await remote.do(
            loader.upgrade(program=key, buffer=buffer, authority=remote.key, spill=remote.key)
        )
        upgraded = await _deployed(remote, key)
        assert upgraded.code == token_2022
        assert upgraded.slot > deployed.slot
        assert await remote.data(buffer) is None

        heir = Keypair()
        await remote.do(
            loader.set_authority_checked(data_key, remote.key, heir.pubkey()), others=(heir,)
        )
        assert (await _deployed(remote, key)).authority == heir.pubkey()
        before = (await remote.client.get_balance(remote.key)).value
        await remote.do(loader.close_program(key, remote.key, heir.pubkey()), others=(heir,))
        assert await remote.data(data_key) is None
        after = (await remote.client.get_balance(remote.key)).value
        assert after - before == lamports - 2 * 5000

    _run(work)


def test_what_would_fail_is_not_sent() -> None:
    """The preflight says why, with logs; without it the failure lands and costs its fee."""

    async def work(remote: Remote, _chain: Chain) -> None:
        pay = transfer(TransferParams(from_pubkey=remote.key, to_pubkey=MEMO, lamports=1000 * SOL))
        with pytest.raises(RPCException) as refused:
            await remote.send(pay)
        message = refused.value.args[0]
        assert isinstance(message, SendTransactionPreflightFailureMessage)
        error = TransactionErrorInstructionError(0, InstructionErrorCustom(1))
        assert message.data.err == error
        assert "custom program error: 0x1" in message.message
        assert any("insufficient lamports" in line for line in message.data.logs or [])

        before = (await remote.client.get_balance(remote.key)).value
        signature = await remote.send(pay, options=UNASKED)
        answer = await remote.client.confirm_transaction(signature, sleep_seconds=0.001)
        assert answer.value[0]
        assert answer.value[0].err == error
        assert (await remote.client.get_balance(remote.key)).value == before - 5000

    _run(work)


def test_a_blockhash_that_is_gone_is_told() -> None:
    """By the preflight, by the height, and by the fee of its message."""

    async def work(remote: Remote, chain: Chain) -> None:
        pay = transfer(TransferParams(from_pubkey=remote.key, to_pubkey=MEMO, lamports=SOL))
        latest = (await remote.client.get_latest_blockhash()).value
        message = MessageV0.try_compile(remote.key, [pay], [], latest.blockhash)
        assert (await remote.client.get_fee_for_message(message)).value == 5000
        chain.advance(150)
        assert (await remote.client.get_block_height()).value > latest.last_valid_block_height
        assert (await remote.client.get_fee_for_message(message)).value is None
        wire = bytes(VersionedTransaction(message, [remote.keys]))
        with pytest.raises(RPCException) as refused:
            await remote.client.send_raw_transaction(wire)
        said = refused.value.args[0]
        assert isinstance(said, SendTransactionPreflightFailureMessage)
        assert said.data.err == TransactionErrorFieldless.BlockhashNotFound

    _run(work)


def test_a_transaction_comes_back_with_what_it_did() -> None:
    """Its status, its record with fee, balances and logs, and its place in an account's history."""

    async def work(remote: Remote, chain: Chain) -> None:
        fees = [set_compute_unit_price(10_000), set_compute_unit_limit(1000)]
        pays = [
            transfer(TransferParams(from_pubkey=remote.key, to_pubkey=MEMO, lamports=SOL + each))
            for each in range(3)
        ]
        sent = [await remote.do(*fees, pay) for pay in pays]
        found = (await remote.client.get_transaction(sent[0])).value
        assert found
        meta = found.transaction.meta
        assert meta
        assert meta.fee == 5010
        assert meta.pre_balances[0] - meta.post_balances[0] == SOL + 5010
        assert meta.log_messages
        history = (await remote.client.get_signatures_for_address(MEMO, limit=2)).value
        assert [each.signature for each in history] == [sent[2], sent[1]]
        earlier = await remote.client.get_signatures_for_address(MEMO, before=sent[1])
        assert [each.signature for each in earlier.value] == [sent[0]]
        prices = (await remote.client.get_recent_prioritization_fees([MEMO])).value
        assert max(each.prioritization_fee for each in prices) == 10_000
        other = await remote.client.get_recent_prioritization_fees([Keypair().pubkey()])
        assert {each.prioritization_fee for each in other.value} == {0}
        assert all(left.slot < right.slot for left, right in pairwise(prices))
        chain.advance(200)
        old = await remote.client.get_signature_statuses(sent)
        assert old.value == [None] * 3
        searched = await remote.client.get_signature_statuses(sent, search_transaction_history=True)
        assert all(each and each.confirmations is None for each in searched.value)

    _run(work)


def test_commitments_follow_each_other() -> None:
    """A balance is processed first, then confirmed, and final after 32 blocks."""

    async def work(remote: Remote, chain: Chain) -> None:
        key = Keypair().pubkey()
        signature = await remote.send(
            transfer(TransferParams(from_pubkey=remote.key, to_pubkey=key, lamports=SOL))
        )
        seen: list[tuple[int, int, int]] = []
        for _ in range(34):
            chain.advance()
            processed, confirmed, finalized = [
                (await remote.client.get_balance(key, commitment)).value // SOL
                for commitment in (Processed, Confirmed, Finalized)
            ]
            seen.append((processed, confirmed, finalized))
        assert seen[0] == (1, 0, 0)
        assert seen[1] == (1, 1, 0)
        assert seen[31:33] == [(1, 1, 0), (1, 1, 1)]
        status = (await remote.client.get_signature_statuses([signature])).value[0]
        assert status
        assert status.confirmations is None

    _run(work)


def test_buffers_are_found_by_filters() -> None:
    """By size and by authority, in whole or in part."""

    async def work(remote: Remote, _chain: Chain) -> None:
        first, second = (await _upload(remote, code_of(MEMO)), await _upload(remote, b"\x7fELF"))
        mine = MemcmpOpts(offset=5, bytes=str(remote.key))
        kind = MemcmpOpts(offset=0, bytes="2UzHM")  # Base 58 of 1, 0, 0, 0.
        found = await remote.client.get_program_accounts(
            loader.LOADER,
            encoding="base64",
            data_slice=DataSliceOpts(offset=0, length=loader.BUFFER_HEADER),
            filters=[kind, mine],
        )
        assert {each.pubkey for each in found.value} == {first, second}
        assert {len(each.account.data) for each in found.value} == {loader.BUFFER_HEADER}
        sized = await remote.client.get_program_accounts(
            loader.LOADER, encoding="base64", filters=[loader.BUFFER_HEADER + 4, mine]
        )
        assert [each.pubkey for each in sized.value] == [second]
        several = await remote.client.get_multiple_accounts([first, Keypair().pubkey()])
        assert several.value[0]
        assert several.value[1] is None

    _run(work)


def test_a_simulation_returns_what_was_asked() -> None:
    """Units, logs, and accounts as they would be."""

    async def work(remote: Remote, _chain: Chain) -> None:
        memo = Instruction(MEMO, b"hello", [AccountMeta(remote.key, True, False)])  # noqa: FBT003
        answer = await remote.client.simulate_transaction(await remote.sign(memo), sig_verify=True)
        assert answer.value.err is None
        assert answer.value.units_consumed
        assert any("hello" in line for line in answer.value.logs or [])

    _run(work)


def test_a_node_that_is_behind_says_so() -> None:
    """And answers from the past."""

    async def work(remote: Remote, chain: Chain) -> None:
        signature = await remote.do(
            transfer(TransferParams(from_pubkey=remote.key, to_pubkey=MEMO, lamports=SOL))
        )
        assert (await remote.client.get_transaction(signature)).value
        chain.dice.faults = Faults(behind=1, behind_slots=20)
        assert (await remote.client.get_transaction(signature)).value is None
        assert (await remote.client.get_slot(Processed)).value == chain.blocks.newest.slot - 20
        with pytest.raises(RPCException, match="behind by 20 slots"):
            await remote.client.is_connected()
        chain.dice.faults = Faults()
        assert await remote.client.is_connected()

    _run(work)
