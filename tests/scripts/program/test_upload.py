"""Tests of the upload: over good and bad links, from any beginning, and where it has to give up."""

from pathlib import Path

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from localnet.faults import Faults
from scripts.program import loader
from scripts.program.chunks import plan_chunks
from scripts.program.node import Node, OutOfTimeError, Pace
from scripts.program.sending import Sender
from scripts.program.upload import Progress, Uploader, UploadError
from scripts.runs.steps import Acting
from tests.localnet.programs import SOL, TOKEN, Wallet, code_of
from tests.scripts.program.simulation import Simulation, simulated

_CODE = code_of(TOKEN)
_WRITES = 110
"""As many as its bytes that are not zero need, with two signers."""
_ACTING = Acting(check=lambda: None, note=lambda _: None)


class _Upload:
    """An upload over a simulated link into a new buffer."""

    def __init__(self, simulation: Simulation, room: int = len(_CODE)) -> None:
        self.simulation = simulation
        self.chain = simulation.chain
        self.node = Node(simulation.client())
        self.uploader = self.by(simulation.authority)
        self.buffer = _buffer(simulation, room)

    def by(self, authority: Keypair) -> Uploader:
        """Somebody's uploader."""
        sender = Sender(node=self.node, payer=self.simulation.payer, ceiling=0)
        return Uploader(sender=sender, authority=authority)

    def run(
        self, code: bytes = _CODE, *, buffer: Pubkey | None = None, seconds: float = 600
    ) -> Progress:
        """Upload `code`."""

        async def work() -> Progress:
            with self.node.within(seconds):
                return await self.uploader.upload(buffer or self.buffer, code, _ACTING)

        return self.simulation.runner.run(work())

    def held(self) -> bytes:
        """What lies in the buffer."""
        account = self.chain.account(self.buffer)
        assert account
        return loader.read_buffer(account.data).code


def _buffer(simulation: Simulation, room: int) -> Pubkey:
    """A buffer of the simulation's authority, which somebody else paid for."""
    faults, simulation.chain.dice.faults = simulation.chain.dice.faults, Faults()
    wallet = Wallet(simulation.chain)
    buffer = wallet.new_key()
    wallet.do(
        *loader.create_buffer(
            payer=wallet.key,
            buffer=buffer.pubkey(),
            authority=simulation.authority.pubkey(),
            length=room,
            lamports=simulation.chain.rent(loader.BUFFER_HEADER + room),
        ),
        others=(buffer,),
    )
    simulation.chain.advance(2)
    simulation.chain.dice.faults = faults
    return buffer.pubkey()


def test_a_good_link_takes_each_write_once(tmp_path: Path) -> None:
    """As few as can be; and when all is there, none."""
    with simulated(tmp_path) as simulation:
        upload = _Upload(simulation)
        done = upload.run()
        assert upload.held() == _CODE
        assert (done.chunks, done.landed, done.sent) == (_WRITES, _WRITES, _WRITES)
        assert upload.run() == Progress()


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
def test_a_bad_link_takes_longer_and_costs_no_more(tmp_path: Path, faults: Faults) -> None:
    """All bytes match, and no write that stayed is paid twice."""
    with simulated(tmp_path, faults=faults) as simulation:
        upload = _Upload(simulation)
        done = upload.run()
        assert upload.held() == _CODE
        records = simulation.chain.records.values()
        writes = [one for one in records if upload.buffer in one.keys.writable]
        assert len(writes) == 1 + _WRITES
        assert done.landed >= _WRITES


def test_a_lost_link_is_offered_more_up_to_the_ceiling(tmp_path: Path) -> None:
    """Each blockhash that goes by raises the price; nothing is paid for what never landed."""
    with simulated(tmp_path, faults=Faults(drop=1)) as simulation:
        upload = _Upload(simulation)
        upload.node = Node(simulation.client(), Pace(per_second=5))
        upload.uploader = Uploader(
            sender=Sender(node=upload.node, payer=simulation.payer, ceiling=1_500),
            authority=simulation.authority,
        )
        notes: list[object] = []
        acting = Acting(check=lambda: None, note=lambda note: notes.append(note["price"]))

        async def work() -> None:
            with upload.node.within(200):
                await upload.uploader.upload(upload.buffer, _CODE, acting)

        with pytest.raises(OutOfTimeError):
            simulation.runner.run(work())
        assert notes[:3] == [0, 1_000, 1_500]
        assert simulation.lamports == 100 * SOL


def test_an_upload_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """What landed before is not sent again."""
    with simulated(tmp_path) as simulation:
        upload = _Upload(simulation)
        half = plan_chunks(_CODE, 944)[:50]
        cut = half[-1].offset + len(half[-1].data)
        upload.run(_CODE[:cut].ljust(len(_CODE), b"\0"))
        done = upload.run()
        assert done.chunks < _WRITES - 45
        assert upload.held() == _CODE


def test_a_buffer_that_does_not_fit_is_told(tmp_path: Path) -> None:
    """One that is not there, that is too small, and somebody else's; nothing is spent."""
    with simulated(tmp_path) as simulation:
        upload = _Upload(simulation, room=10)
        with pytest.raises(UploadError, match="there is no buffer"):
            upload.run(buffer=Pubkey.new_unique())
        with pytest.raises(UploadError, match="room for 10 bytes, the program has 100,312"):
            upload.run()
        with pytest.raises(loader.AccountStateError, match="not buffer"):
            upload.run(buffer=TOKEN)
        upload.uploader = upload.by(Keypair())
        with pytest.raises(UploadError, match="give its authority's key"):
            upload.run(bytes(10))
        assert simulation.lamports == 100 * SOL


def test_an_upload_gives_up_when_its_time_is_up(tmp_path: Path) -> None:
    """As pending: the next run goes on."""
    with simulated(tmp_path, faults=Faults(drop=1)) as simulation:
        upload = _Upload(simulation)
        with pytest.raises(OutOfTimeError, match="it goes on"):
            upload.run(seconds=30)
