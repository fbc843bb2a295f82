"""Tests of records that name several nodes: one that fails is left for the next of its chain."""

import json
from pathlib import Path

import httpx2
import pytest

from localnet.chain import Chain
from localnet.server import Server
from scripts.exits import ExitCode
from scripts.program import plans
from scripts.program.cluster import confirm
from scripts.program.node import OutOfTimeError
from scripts.program.state import ProgramRefusedError
from scripts.runs.runner import execute
from tests.localnet.elf import program
from tests.scripts.program.simulation import TARGET, Answer, Simulation, simulated

_CODE = program(1, 2_500)


async def _down(_request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError("nobody listens")


async def _busy(_request: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(503)


def _of(chain: Chain) -> Answer:
    """A node of another chain, or of this one as it was once."""
    server = Server(chain)

    async def answer(request: httpx2.Request) -> httpx2.Response:
        said = server.answer(request.content)
        return httpx2.Response(said.status, content=said.body)

    return answer


def _sick(simulation: Simulation, after: int) -> Answer:
    """A node that dies after so many answers."""
    server, left = Server(simulation.chain), [after]

    async def answer(request: httpx2.Request) -> httpx2.Response:
        left[0] -= 1
        if left[0] < 0:
            raise httpx2.ReadError("gone")
        said = server.answer(request.content)
        return httpx2.Response(said.status, content=said.body)

    return answer


def _deploy(simulation: Simulation, *answers: Answer | None) -> list[str]:
    """A deployment by nodes that answer so; what the operator was told of them."""
    told: list[str] = []
    clients = [simulation.client(answer) for answer in answers]
    world = simulation.world(_CODE, clients=clients, tell=told.append)
    outcome = execute(plans.deploy(TARGET, plans.inputs(world)), world, simulation.setting())
    assert outcome.code is ExitCode.DONE, outcome.message
    assert simulation.runs() == _CODE.rstrip(b"\0")
    return told


@pytest.mark.parametrize("first", [_down, _busy])
def test_the_next_node_is_asked_where_the_first_does_not_answer(
    tmp_path: Path, first: Answer
) -> None:
    """Down or refusing: what it says is told, and the deployment goes on."""
    with simulated(tmp_path) as simulation:
        told = _deploy(simulation, first, None)
        assert [line.split(":")[0].strip() for line in told] == [
            "the node is left for the next one"
        ]


@pytest.mark.parametrize("after", [1, 4, 20, 28, 33])
def test_a_node_that_dies_on_the_way_ends_nothing(tmp_path: Path, after: int) -> None:
    """While it uploads, too: nothing is sent twice that has landed."""
    with simulated(tmp_path) as simulation:
        _deploy(simulation, _sick(simulation, after), None)
        own = simulation.payer.pubkey()
        records = [one for one in simulation.chain.records.values() if one.keys.own[0] == own]
        assert len(records) == 5
        assert not any(one.error for one in records)


def test_a_node_of_another_chain_is_never_gone_on_with(tmp_path: Path) -> None:
    """It is named, and skipped; the third one is asked."""
    with simulated(tmp_path) as simulation:
        devnet = _of(Chain(cluster="devnet"))
        told = _deploy(simulation, _sick(simulation, 6), devnet, None)
        assert any("another chain" in line for line in told)


def test_where_only_another_chain_is_left_nothing_goes_on(tmp_path: Path) -> None:
    """Nothing of it is asked but which chain it serves."""
    asked: list[str] = []
    with simulated(tmp_path) as simulation:
        devnet = _of(Chain(cluster="devnet"))

        async def other(request: httpx2.Request) -> httpx2.Response:
            asked.append(json.loads(request.content)["method"])
            return await devnet(request)

        clients = [simulation.client(_sick(simulation, 2)), simulation.client(other)]
        world = simulation.world(_CODE, clients=clients)
        world.wait(confirm(world.node, world.cluster))
        with pytest.raises(OutOfTimeError):
            world.wait(world.on_chain(), 20)
        assert set(asked) == {"getGenesisHash"}


def test_a_node_that_stays_behind_is_left(tmp_path: Path) -> None:
    """What it shows is older than what was seen: the next one is asked."""
    with simulated(tmp_path) as simulation:
        world = simulation.world(
            _CODE, clients=[simulation.client(_of(Chain())), simulation.client()]
        )
        world.node.seen = simulation.chain.blocks.newest.slot - 1
        assert world.wait(world.on_chain()).data is None
        assert world.node.seen >= simulation.chain.blocks.newest.slot - 3


def test_an_unhealthy_node_is_left_before_anything_is_spent(tmp_path: Path) -> None:
    """By its own word it is behind; where there is no other, that is refused."""
    with simulated(tmp_path) as simulation:
        server = Server(simulation.chain)

        async def unhealthy(request: httpx2.Request) -> httpx2.Response:
            if b"getHealth" in request.content:
                error = {
                    "code": -32005,
                    "message": "Node is unhealthy",
                    "data": {"numSlotsBehind": 9},
                }
                said = {"jsonrpc": "2.0", "id": json.loads(request.content)["id"], "error": error}
                return httpx2.Response(200, json=said)
            answer = server.answer(request.content)
            return httpx2.Response(answer.status, content=answer.body)

        both = simulation.world(_CODE, clients=[simulation.client(unhealthy), simulation.client()])
        assert both.wait(confirm(both.node, both.cluster)) == simulation.chain.genesis
        alone = simulation.world(_CODE, clients=[simulation.client(unhealthy)])
        with pytest.raises(ProgramRefusedError, match="wait until it has caught up"):
            alone.wait(confirm(alone.node, alone.cluster))


def _refusing(simulation: Simulation, *headers: tuple[str, str]) -> Answer:
    """A node that refuses its first request for now."""
    server, left = Server(simulation.chain), [1]

    async def answer(request: httpx2.Request) -> httpx2.Response:
        left[0] -= 1
        if left[0] >= 0:
            return httpx2.Response(429, headers=dict(headers))
        said = server.answer(request.content)
        return httpx2.Response(said.status, content=said.body)

    return answer


_UNTIL = (
    ("date", "Sat, 21 Nov 2026 12:00:00 GMT"),
    ("retry-after", "Sat, 21 Nov 2026 12:00:25 GMT"),
)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [((("retry-after", "25"),), 25), (_UNTIL, 25), ((("retry-after", "soon"),), 0)],
)
def test_a_node_that_refuses_for_now_is_asked_when_it_says(
    tmp_path: Path, headers: tuple[tuple[str, str], ...], seconds: float
) -> None:
    """So many seconds later, or at that time by its own clock; soon, where it says neither."""
    with simulated(tmp_path) as simulation:
        world = simulation.world(b"", clients=[simulation.client(_refusing(simulation, *headers))])
        clock = simulation.runner.get_loop().time
        began = clock()
        world.wait(world.node.now())
        assert seconds <= clock() - began < seconds + 1


def test_nobody_waits_long_where_another_node_answers(tmp_path: Path) -> None:
    """A minute is too long; nor where the time is up before that, which is said at once."""
    with simulated(tmp_path) as simulation:
        clock, minute = simulation.runner.get_loop().time, ("retry-after", "60")
        busy = simulation.client(_refusing(simulation, minute))
        world = simulation.world(b"", clients=[busy, simulation.client()])
        began = clock()
        world.wait(world.node.now())
        alone = simulation.world(b"", clients=[simulation.client(_refusing(simulation, minute))])
        with pytest.raises(OutOfTimeError, match="HTTP status 429"):
            alone.wait(alone.node.now())
        assert clock() - began < 1
