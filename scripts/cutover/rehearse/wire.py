"""HTTP/1.1 as a rehearsal needs it: whole messages over kept connections, on loopback alone.

Written for many small requests on a machine that also runs their senders and receivers.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from socket import socket
from typing import Final, cast

LOOPBACK: Final = "127.0.0.1"
_LARGEST: Final = 1 << 20
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *([0-9]{1,9})\r\n", re.IGNORECASE)
_CLOSES: Final = re.compile(rb"\r\nconnection: *close\r\n", re.IGNORECASE)
_REASONS: Final = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    500: "Internal Server Error",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


@dataclass(frozen=True, slots=True)
class Message:
    """A request or a response: its head up to the empty line, and its body."""

    head: bytes
    body: bytes = b""

    @property
    def path(self) -> str:
        """What a request asks for."""
        return self.head.split(b" ", 2)[1].decode("latin-1")

    @property
    def status(self) -> int:
        """What a response says of itself."""
        return int(self.head[9:12])

    @property
    def closes(self) -> bool:
        """Whether the connection ends with it."""
        return _CLOSES.search(self.head) is not None


def request(path: str) -> bytes:
    """A GET for `path`."""
    return f"GET {path} HTTP/1.1\r\nHost: rehearsal\r\n\r\n".encode()


def response(status: int, body: bytes = b"", kind: str = "text/plain") -> Message:
    """A response."""
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return Message(head.encode(), body)


class Connection(asyncio.Protocol):
    """One end of a connection, which takes whole messages."""

    def __init__(self) -> None:
        self._buffer = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Cut `data` into messages."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n") + 4) > 3:  # noqa: PLR2004 - found at all
            length = _LENGTH.search(self._buffer, 0, end)
            whole = end + (int(length[1]) if length else 0)
            if len(self._buffer) < whole:
                break
            message = Message(self._buffer[:end], self._buffer[end:whole])
            self._buffer = self._buffer[whole:]
            self.received(message)
        if len(self._buffer) > _LARGEST:
            self.close()

    def received(self, message: Message) -> None:
        """Take `message`."""
        raise NotImplementedError

    def send(self, message: bytes) -> None:
        """Send `message`, where there is still somebody who takes it."""
        if self.transport and not self.transport.is_closing():
            self.transport.write(message)

    def close(self) -> None:
        """End it."""
        if self.transport:
            self.transport.close()


Handler = Callable[[Message], Awaitable[Message]]
"""What answers a request."""


class _Served(Connection):
    """A client's connection: its requests are answered one after the other."""

    def __init__(
        self, handler: Handler, tasks: set[asyncio.Task[None]], there: "set[_Served]"
    ) -> None:
        super().__init__()
        self._handler, self._tasks, self._there = handler, tasks, there

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._there.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._there.discard(self)

    def received(self, message: Message) -> None:
        task = asyncio.get_running_loop().create_task(self._answer(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, message: Message) -> None:
        try:
            answer = await self._handler(message)
        except (ValueError, IndexError):
            answer = response(400)
        self.send(answer.head + answer.body)


class Server:
    """Answers requests with `handler` until it is closed; requests in flight are given up then."""

    def __init__(self, handler: Handler) -> None:
        self._handler: Final = handler
        self._tasks: Final = set[asyncio.Task[None]]()
        self._there: Final = set[_Served]()
        self._server: asyncio.Server | None = None

    async def listen(self, listener: socket | None = None) -> int:
        """Begin, at `listener` or at any free port, which is returned."""
        loop = asyncio.get_running_loop()

        def accepted() -> _Served:
            return _Served(self._handler, self._tasks, self._there)

        if listener:
            self._server = await loop.create_server(accepted, sock=listener, backlog=1024)
        else:
            self._server = await loop.create_server(accepted, LOOPBACK, 0, backlog=1024)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """End it."""
        if self._server:
            self._server.close()
        for connection in tuple(self._there):
            connection.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class _Asking(Connection):
    """A connection to a server, for one request at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.answer: asyncio.Future[Message] | None = None

    def received(self, message: Message) -> None:
        if self.answer and not self.answer.done():
            self.answer.set_result(message)
        else:
            self.close()  # nobody asked

    def connection_lost(self, exc: Exception | None) -> None:
        if self.answer and not self.answer.done():
            self.answer.set_exception(exc or ConnectionResetError("closed before the answer"))

    @property
    def is_open(self) -> bool:
        """Whether it can be used again."""
        return self.transport is not None and not self.transport.is_closing()


class Client:
    """Asks one server, over connections that it keeps."""

    def __init__(self, port: int) -> None:
        self._port: Final = port
        self._idle: Final[list[_Asking]] = []

    async def ask(self, message: bytes, seconds: float) -> Message:
        """The response to the request `message`.

        Raises:
            ConnectionError: there was none.
            TimeoutError: not within `seconds`.
        """
        async with asyncio.timeout(seconds):
            connection = await self._connected()
            connection.answer = asyncio.get_running_loop().create_future()
            try:
                connection.send(message)
                answer = await connection.answer
            except BaseException:
                connection.close()
                raise
            if answer.closes:
                connection.close()
            else:
                self._idle.append(connection)
            return answer

    async def get(self, path: str, seconds: float) -> Message:
        """The response to a GET of `path`; errors as with `ask`."""
        return await self.ask(request(path), seconds)

    def close(self) -> None:
        """End its connections."""
        for connection in self._idle:
            connection.close()
        self._idle.clear()

    async def _connected(self) -> _Asking:
        while self._idle:
            if (connection := self._idle.pop()).is_open:
                return connection
        _, connection = await asyncio.get_running_loop().create_connection(
            _Asking, LOOPBACK, self._port
        )
        return connection
