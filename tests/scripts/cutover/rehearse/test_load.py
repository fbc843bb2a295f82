"""The users of a rehearsal."""

import asyncio

import pytest

from scripts.cutover.rehearse import load as module
from scripts.cutover.rehearse.load import Users
from scripts.cutover.rehearse.wire import Message, Server, response


def sent(status: int, seconds: float = 0.3, *, hangs: bool = False) -> dict[str, int]:
    """What users saw of a service that answers so."""

    async def answer(_: Message) -> Message:
        if hangs:
            await asyncio.Event().wait()
        return response(status)

    async def use() -> dict[str, int]:
        server = Server(answer)
        users = Users(await server.listen(), rate=200)
        going = asyncio.create_task(users.go_on())
        await asyncio.sleep(seconds)
        going.cancel()
        await asyncio.gather(going, return_exceptions=True)
        await users.end()
        await server.close()
        return dict(users.seen)

    return asyncio.run(use())


def test_users_come_at_their_rate_and_count_what_fails() -> None:
    """An error of the service is one of theirs; what is not there is none."""
    seen = sent(200)
    assert seen["sent"] >= 50
    assert seen["failed"] == 0
    assert sent(503)["failed"] >= 50
    assert sent(404)["failed"] == 0


def test_users_give_up_and_do_not_pile_up_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits longer than users do; beyond some that wait nobody else comes."""
    monkeypatch.setattr(module, "MOST", 10)
    monkeypatch.setattr(module, "SECONDS", 0.1)
    seen = sent(200, hangs=True)
    assert seen["failed"] >= 10
    assert seen["unsent"] >= 10
