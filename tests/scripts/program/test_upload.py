"""Tests of the upload: over good and bad links, from any beginning, and where it has to give up."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from localnet.chain import Chain
from localnet.faults import Faults
from scripts.program import loader
from scripts.program.chunks import plan_chunks
from scripts.program.upload import (
    Pace,
    Progress,
    Uploader,
    UploadError,
    UploadPendingError,
)
from tests.localnet.programs import TOKEN, code_of
from tests.localnet.remote import Remote, connected

_PACE = Pace(per_second=1e6, poll=0.0, resend=0.0)
_CODE = code_of(TOKEN)


def _run(
    work: Callable[[Uploader, Pubkey, Chain], Awaitable[None]],
    *,
    faults: Faults | None = None,
    pace: Pace = _PACE,
    room: int = len(_CODE),
) -> None:
    async def main() -> None:
        chain = Chain()
        async with connected(chain) as remote:
            buffer = await _buffer(remote, chain, room)
            chain.dice.faults = faults or Faults()
            keys = remote.keys
            await work(
                Uploader(client=remote.client, payer=keys, authority=keys, pace=pace),
                buffer,
                chain,
            )

    asyncio.run(main())


async def _buffer(remote: Remote, chain: Chain, room: int) -> Pubkey:
    buffer = Keypair()
    await remote.do(
        *loader.create_buffer(
            payer=remote.key,
            buffer=buffer.pubkey(),
            authority=remote.key,
            length=room,
            lamports=chain.rent(loader.BUFFER_HEADER + room),
        ),
        others=(buffer,),
    )
    await remote.client.get_slot()
    await remote.client.get_slot()
    return buffer.pubkey()


def _held(chain: Chain, buffer: Pubkey) -> bytes:
    account = chain.account(buffer)
    assert account
    return loader.read_buffer(account.data).code


def test_a_good_link_takes_each_write_once() -> None:
    """As few as can be; and when all is there, none."""

    async def work(uploader: Uploader, buffer: Pubkey, chain: Chain) -> None:
        done = await uploader.upload(buffer, _CODE)
        assert _held(chain, buffer) == _CODE
        fewest = len(plan_chunks(_CODE, 1012))
        assert (done.chunks, done.landed, done.sent) == (fewest, fewest, fewest)
        assert await uploader.upload(buffer, _CODE) == Progress()

    _run(work, pace=Pace(per_second=1e6, poll=0.0, resend=60))


@pytest.mark.parametrize(
    "faults",
    [
        Faults(seed=1, drop=0.3),
        Faults(seed=2, drop=0.3, delay=0.3, duplicate=0.3),
        Faults(seed=3, limit=0.2, retry_after=0),
        Faults(seed=4, behind=0.2),
        Faults(seed=5, fork=0.1),
        Faults(seed=6, gone=0.3),
    ],
    ids=str,
)
def test_a_bad_link_takes_longer_and_costs_no_more(faults: Faults) -> None:
    """All bytes match, and no write that stayed is paid twice."""

    async def work(uploader: Uploader, buffer: Pubkey, chain: Chain) -> None:
        await uploader.upload(buffer, _CODE, since=chain.block_at("confirmed").slot)
        assert _held(chain, buffer) == _CODE
        writes = [each for each in chain.records.values() if buffer in each.keys.writable]
        assert len(writes) == 1 + len(plan_chunks(_CODE, 1012))

    _run(work, faults=faults)


def test_an_upload_goes_on_where_it_stopped() -> None:
    """What landed before is not sent again."""

    async def work(uploader: Uploader, buffer: Pubkey, chain: Chain) -> None:
        half = plan_chunks(_CODE, 1012)[:50]
        cut = half[-1].offset + len(half[-1].data)
        await uploader.upload(buffer, _CODE[:cut].ljust(len(_CODE), b"\0"))
        done = await uploader.upload(buffer, _CODE)
        assert done.chunks == len(plan_chunks(_CODE, 1012)) - 50
        assert _held(chain, buffer) == _CODE

    _run(work)


def test_a_buffer_that_does_not_fit_is_told() -> None:
    """One that is not there, that is too small, and somebody else's; nothing is spent."""

    async def work(uploader: Uploader, buffer: Pubkey, chain: Chain) -> None:
        landed = len(chain.records)
        with pytest.raises(UploadError, match="there is no buffer"):
            await uploader.upload(Pubkey.new_unique(), _CODE)
        with pytest.raises(UploadError, match="room for 10 bytes, the program has 100,312"):
            await uploader.upload(buffer, _CODE)
        stranger = Uploader(client=uploader.client, payer=uploader.payer, authority=Keypair())
        with pytest.raises(UploadError, match="give its authority's key"):
            await stranger.upload(buffer, bytes(10))
        with pytest.raises(loader.AccountStateError, match="not buffer"):
            await uploader.upload(TOKEN, _CODE)
        assert len(chain.records) == landed

    _run(work, room=10)


def test_an_upload_gives_up_at_its_deadline() -> None:
    """As pending: the next run goes on."""

    async def work(uploader: Uploader, buffer: Pubkey, _chain: Chain) -> None:
        with pytest.raises(UploadPendingError, match="it goes on"):
            await uploader.upload(buffer, _CODE)

    _run(work, faults=Faults(drop=1), pace=Pace(per_second=1e6, poll=0.0, deadline=0.3))
