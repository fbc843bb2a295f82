"""The HTTP side of the endpoint: what ordinary clients post to, on the loopback interface alone."""

import asyncio
import contextlib
import json
from dataclasses import dataclass
from typing import Any, Self, cast

from localnet.chain import Chain
from localnet.errors import InvalidParamsError, InvalidRequestError, ParseError, RpcError
from localnet.rpc import Rpc

LOOPBACK = "127.0.0.1"
_LARGEST_BODY = 1 << 20
_REASONS = {
    200: "OK",
    400: "Bad Request",
    405: "Method Not Allowed",
    411: "Length Required",
    413: "Payload Too Large",
    429: "Too Many Requests",
}


class _BadRequestError(Exception):
    """A request that HTTP itself refuses, by its status."""

    def __init__(self, status: int) -> None:
        super().__init__(_REASONS[status])
        self.status = status


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What goes back to a client."""

    status: int
    body: bytes
    headers: tuple[str, ...] = ()


class Server:
    """A node that listens: `async with` starts it and stops it; `url` is where it is."""

    def __init__(self, chain: Chain, *, port: int = 0, slot_seconds: float = 0.0) -> None:
        """Serve `chain`; a slot takes `slot_seconds`, or with 0 passes when a client waits."""
        self.chain = chain
        self._rpc = Rpc(chain, simulated=not slot_seconds)
        self._port, self._slot_seconds = port, slot_seconds
        self._server: asyncio.Server | None = None
        self._clock: asyncio.Task[None] | None = None
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @property
    def url(self) -> str:
        """Where clients post to."""
        return f"http://{LOOPBACK}:{self._port}"

    async def __aenter__(self) -> Self:
        # asyncio switches Nagle's delay off (TCP_NODELAY), or a deploy would take 50 times as long.
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        if self._slot_seconds:
            self._clock = asyncio.create_task(self._tick())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._clock:
            self._clock.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._clock
        if self._server:
            self._server.close()
            for writer in self._open.values():
                writer.close()
            await asyncio.gather(*self._open)
            await self._server.wait_closed()

    async def _tick(self) -> None:
        """Let a slot pass whenever its time has come, and those that were missed with it."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += self._slot_seconds
            await asyncio.sleep(max(0.0, due - loop.time()))
            self.chain.advance()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._open[task] = writer
        try:
            while (body := await _read_request(reader, writer)) is not None:
                await _send(writer, self.answer(body))
        except _BadRequestError as error:
            with contextlib.suppress(ConnectionError):
                await _send(writer, Answer(status=error.status, body=b""), last=True)
        except (ConnectionError, asyncio.IncompleteReadError, ValueError):
            pass  # The client is gone, or speaks no HTTP.
        finally:
            del self._open[task]
            writer.close()

    def answer(self, body: bytes) -> Answer:
        """What a post of `body` is answered."""
        try:
            request: Any = json.loads(body)
        except (ValueError, RecursionError):
            return _json(_failure(ParseError("Parse error"), None))
        faults = self.chain.faults
        name = _method(request)
        if self.chain.dice.happens("limit", faults.limit, name.encode(), name):
            return Answer(
                status=429,
                body=b'{"jsonrpc":"2.0","error":{"code":429,"message":"Too many requests"}}',
                headers=(f"Retry-After: {faults.retry_after}",),
            )
        if isinstance(request, list) and request:
            return _json([self._result(each) for each in cast("list[object]", request)])
        return _json(self._result(cast("object", request)))

    def _result(self, request: object) -> dict[str, Any]:
        asked = cast("dict[str, Any]", request) if isinstance(request, dict) else {}
        identity, params = asked.get("id"), cast("object", asked.get("params") or [])
        try:
            if asked.get("jsonrpc") != "2.0" or not isinstance(asked.get("method"), str):
                raise InvalidRequestError("Invalid request")
            if not isinstance(params, list):
                raise InvalidParamsError("Invalid params: give them as a list")
            result = self._rpc.call(asked["method"], cast("list[Any]", params))
        except RpcError as error:
            return _failure(error, identity)
        return {"jsonrpc": "2.0", "result": result, "id": identity}


async def _read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes | None:
    """The body of the next request, or None when the client is done."""
    line = await reader.readline()
    if not line:
        return None
    parts = line.decode("latin-1").split()
    if len(parts) != 3:  # noqa: PLR2004 - method, path, version
        raise _BadRequestError(400)
    headers: dict[str, str] = {}
    while (line := await reader.readline()) not in {b"\r\n", b"\n", b""}:
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    if parts[0] != "POST":
        raise _BadRequestError(405)
    length = headers.get("content-length", "")
    if not length.isascii() or not length.isdigit():
        raise _BadRequestError(411)
    if int(length) > _LARGEST_BODY:
        raise _BadRequestError(413)
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return await reader.readexactly(int(length))


async def _send(writer: asyncio.StreamWriter, answer: Answer, *, last: bool = False) -> None:
    head = [
        f"HTTP/1.1 {answer.status} {_REASONS[answer.status]}",
        "Content-Type: application/json",
        f"Content-Length: {len(answer.body)}",
        f"Connection: {'close' if last else 'keep-alive'}",
        *answer.headers,
    ]
    writer.write("\r\n".join([*head, "", ""]).encode() + answer.body)
    await writer.drain()


def _method(request: object) -> str:
    """What is asked for, as faults count it."""
    match request:
        case {"method": str(method)}:
            return method
        case _:
            return "several"


def _json(said: object) -> Answer:
    return Answer(status=200, body=json.dumps(said, separators=(",", ":")).encode())


def _failure(error: RpcError, identity: object) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "error": error.as_json(), "id": identity}
