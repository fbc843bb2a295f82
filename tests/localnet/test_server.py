"""Tests of the HTTP side: what it takes, what it refuses, and how it starts and ends."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest
from solana.exceptions import SolanaRpcException
from solana.rpc.async_api import AsyncClient

from localnet.chain import Chain
from localnet.faults import Faults
from localnet.server import Server

_HEALTH = {"jsonrpc": "2.0", "id": 1, "method": "getHealth"}
_SLIPWAY = [sys.executable, "-c", "from scripts.cli import main; main()", "localnet", "--port", "0"]


def _run(work: Callable[[Server], Awaitable[None]], **options: Any) -> None:  # noqa: ANN401
    async def main() -> None:
        faults = options.pop("faults", None)
        async with Server(Chain(faults=faults), **options) as server:
            await work(server)

    asyncio.run(main())


async def _raw(server: Server, text: bytes) -> bytes:
    """What comes back for `text`, until the server ends the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
    writer.write(text)
    answer = await reader.read()
    writer.close()
    return answer


def test_requests_come_alone_or_together() -> None:
    """Each gets its answer, by its id."""

    async def work(server: Server) -> None:
        async with httpx2.AsyncClient() as client:
            alone = await client.post(server.url, json=_HEALTH)
            assert alone.json() == {"jsonrpc": "2.0", "result": "ok", "id": 1}
            both = await client.post(
                server.url, json=[_HEALTH, _HEALTH | {"id": "b", "method": "x"}]
            )
            first, second = both.json()
            assert (first["id"], second["id"]) == (1, "b")
            assert second["error"] == {"code": -32601, "message": "Method not found"}

    _run(work)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", -32700),
        (b"\xff", -32700),
        (b"[" * 100_000, -32700),
        (b"[]", -32600),
        (b"1", -32600),
        (b'{"jsonrpc":"1.0","method":"getHealth","id":1}', -32600),
        (b'{"jsonrpc":"2.0","method":1,"id":1}', -32600),
        (b'{"jsonrpc":"2.0","method":"getSlot","params":{"a":1},"id":1}', -32602),
    ],
)
def test_what_is_no_request_is_refused(body: bytes, code: int) -> None:
    """With the code that JSON-RPC gives it."""

    async def work(server: Server) -> None:
        async with httpx2.AsyncClient() as client:
            answer = await client.post(server.url, content=body)
            assert answer.json()["error"]["code"] == code

    _run(work)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 405),
        (b"POST / HTTP/1.1\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", 413),
    ],
)
def test_what_is_no_http_request_is_refused(text: bytes, status: int) -> None:
    """With its status, and the connection ends."""

    async def work(server: Server) -> None:
        answer = await _raw(server, text)
        assert answer.startswith(f"HTTP/1.1 {status} ".encode())

    _run(work)


def test_a_client_that_goes_away_harms_nobody() -> None:
    """Nor does one that never ends its line."""

    async def work(server: Server) -> None:
        port = int(server.url.rpartition(":")[2])
        for text in (b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n{", b"x" * 200_000):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(text)
            writer.close()
        async with httpx2.AsyncClient() as client:
            assert (await client.post(server.url, json=_HEALTH)).json()["result"] == "ok"

    _run(work)


def test_it_listens_on_loopback_and_does_not_wait_to_send() -> None:
    """TCP_NODELAY is what keeps a deploy fast."""
    seen: list[tuple[str, int]] = []

    class Watched(Server):
        async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            found: socket.socket = writer.get_extra_info("socket")
            address: tuple[str, int] = found.getsockname()
            seen.append((address[0], found.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))
            await super()._serve(reader, writer)

    async def main() -> None:
        async with Watched(Chain()) as server, httpx2.AsyncClient() as client:
            await client.post(server.url, json=_HEALTH)

    asyncio.run(main())
    assert seen == [("127.0.0.1", 1)]


def test_a_refused_request_says_when_to_come_back() -> None:
    """Status 429, as public nodes answer who asks too often; the client tells it as an error."""

    async def work(server: Server) -> None:
        async with httpx2.AsyncClient() as client:
            answer = await client.post(server.url, json=_HEALTH)
            assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")
        async with AsyncClient(server.url) as solana:
            with pytest.raises(SolanaRpcException):
                await solana.get_slot()

    _run(work, faults=Faults(limit=1, retry_after=3))


def test_slots_pass_by_themselves_in_real_time() -> None:
    """Whether anybody asks or not."""

    async def work(server: Server) -> None:
        first = server.chain.blocks.newest.slot
        while server.chain.blocks.newest.slot < first + 3:  # noqa: ASYNC110 - it waits for a clock
            await asyncio.sleep(0.001)

    _run(work, slot_seconds=0.001)


@pytest.mark.parametrize("wanted", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_it_is_stopped(wanted: signal.Signals) -> None:
    """It says where it is on stdout, tells its faults on stderr, and ends well."""
    with subprocess.Popen(  # noqa: S603 - our own program
        [*_SLIPWAY, "--cluster", "devnet", "--faults", "behind=1,seed=4"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        answer = httpx2.post(url, json=_HEALTH)
        os.kill(process.pid, wanted)
        _, told = process.communicate()
    assert json.loads(answer.text)["error"]["data"] == {"numSlotsBehind": 20}
    assert process.returncode == 0
    assert told.startswith("chain: devnet, genesis EtWTRABZ")
    assert "faults: seed=4,behind=1.0\nbehind: getHealth\n" in told


def test_a_port_that_is_taken_is_told() -> None:
    """With what to do, and no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        run = subprocess.run(  # noqa: S603 - our own program
            [*_SLIPWAY[:-1], port], capture_output=True, text=True, check=False
        )
    assert run.returncode == 1
    said = "something listens there already; name another port with --port"
    assert run.stderr == f"slipway: 127.0.0.1:{port}: {said}\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--faults", "dorp=1"], "'dorp' is no fault"),
        (["--fund", "nobody=1"], "nobody is no address and no file"),
        (["--cluster", "mainnet"], "mainnet-beta"),
        (["--slot-ms", "-1"], "--slot-ms"),
    ],
)
def test_wrong_options_are_refused(options: list[str], said: str) -> None:
    """As wrong usage, with what is allowed."""
    run = subprocess.run(  # noqa: S603 - our own program
        [*_SLIPWAY, *options], capture_output=True, text=True, check=False
    )
    assert run.returncode == 2
    assert said in run.stderr
