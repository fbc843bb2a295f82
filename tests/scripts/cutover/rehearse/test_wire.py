"""Messages over connections, in whatever pieces they come."""

import asyncio
import socket
from contextlib import suppress

import pytest

from scripts.cutover.rehearse.wire import LOOPBACK, Client, Message, Server, request, response


async def echo(message: Message) -> Message:
    """What was asked for, as the body."""
    if message.path == "/never":
        await asyncio.Event().wait()
    if message.path == "/nonsense":
        raise ValueError
    return response(200, message.path.encode())


def test_answers_each_request_over_a_connection_that_is_kept() -> None:
    """A second request takes the connection of the first."""

    async def ask() -> tuple[list[bytes], int]:
        server = Server(echo)
        client = Client(await server.listen())
        bodies = [(await client.get(path, 1)).body for path in ("/a", "/b")]
        open_ones = len(asyncio.all_tasks())
        client.close()
        await server.close()
        return bodies, open_ones

    assert asyncio.run(ask()) == ([b"/a", b"/b"], 1)


def test_takes_a_request_in_pieces_and_two_in_one() -> None:
    """Whatever the network makes of them, messages are whole."""

    async def ask() -> bytes:
        server = Server(echo)
        reader, writer = await asyncio.open_connection(LOOPBACK, await server.listen())
        for piece in (b"GET /sp", b"lit HTTP/1.1\r\nContent-Le", b"ngth: 3\r\n\r\nab"):
            writer.write(piece)
            await asyncio.sleep(0.01)
        writer.write(b"c" + request("/second"))
        said = await reader.readuntil(b"/second")
        writer.close()
        await server.close()
        return said

    said = asyncio.run(ask())
    assert said.count(b"HTTP/1.1 200 OK") == 2
    assert b"/split" in said


@pytest.mark.parametrize("sent", [b"\r\n\r\n", request("/nonsense")])
def test_refuses_nonsense(sent: bytes) -> None:
    """What cannot be understood is the client's fault, and said so."""

    async def ask() -> int:
        server = Server(echo)
        client = Client(await server.listen())
        status = (await client.ask(sent, 1)).status
        client.close()
        await server.close()
        return status

    assert asyncio.run(ask()) == 400


def test_ends_a_connection_that_only_sends() -> None:
    """A head without an end does not fill the memory."""

    async def ask() -> bytes:
        server = Server(echo)
        reader, writer = await asyncio.open_connection(LOOPBACK, await server.listen())
        writer.write(b"x" * (1 << 21))
        said = b""
        with suppress(ConnectionResetError):
            said = await reader.read()
        writer.close()
        await server.close()
        return said

    assert not asyncio.run(asyncio.wait_for(ask(), 5))


def test_a_client_waits_no_longer_than_it_says() -> None:
    """What does not answer is given up, and its connection with it."""

    async def ask() -> None:
        server = Server(echo)
        client = Client(await server.listen())
        try:
            with pytest.raises(TimeoutError):
                await client.get("/never", 0.05)
            assert (await client.get("/again", 1)).body == b"/again"
        finally:
            client.close()
            await server.close()

    asyncio.run(ask())


def test_a_client_tells_a_server_that_is_not_there_or_goes() -> None:
    """Refused and cut off are both errors of the connection."""

    async def ask() -> None:
        with socket.create_server((LOOPBACK, 0)) as there:
            port = there.getsockname()[1]
        with pytest.raises(ConnectionError):
            await Client(port).get("/", 1)

        async def cut(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await _reader.readline()
            writer.close()

        server = await asyncio.start_server(cut, LOOPBACK, 0)
        async with server:
            with pytest.raises(ConnectionError):
                await Client(server.sockets[0].getsockname()[1]).get("/", 1)

    asyncio.run(ask())


def test_a_response_that_ends_the_connection_is_the_last_over_it() -> None:
    """The next request takes a new one."""

    async def ask() -> list[bytes]:
        async def once(message: Message) -> Message:
            del message
            head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n"
            return Message(head, b"ok")

        server = Server(once)
        client = Client(await server.listen())
        bodies = [(await client.get("/", 1)).body for _ in range(2)]
        await server.close()
        return bodies

    assert asyncio.run(ask()) == [b"ok", b"ok"]
