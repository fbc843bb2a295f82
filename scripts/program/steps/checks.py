"""Steps that look: at the cluster before anything is spent, at the program afterwards."""

import asyncio
from collections.abc import Mapping
from typing import Final

from scripts.program.cluster import confirm
from scripts.program.node import FINALIZED
from scripts.program.spending import spent
from scripts.program.state import look
from scripts.program.world import World, step
from scripts.runs.canonical import Json
from scripts.runs.steps import Acting, Step, StepFailedError, StepPendingError, Timeout

CLUSTER: Final = "cluster"
_ROLL_BACK: Final = "If users are hurt: `slipway program rollback`, which asks nothing."


def cluster() -> Step[World]:
    """The chain is the one that is meant."""

    async def is_done(world: World) -> bool:
        return world.genesis is not None

    async def run(world: World, acting: Acting) -> Mapping[str, Json]:
        # What is spent from this slot on is this run's.
        now, world.genesis = await asyncio.gather(
            world.node.now(), confirm(world.node, world.cluster)
        )
        if acting.noted(acting.step) is None:
            acting.note({"slot": now.slot})
        return {"genesis": str(world.genesis)}

    return step(
        id_=CLUSTER,
        title="Confirm the cluster",
        does="Asks the node for its genesis hash and whether it is up to date.",
        is_done=is_done,
        run=run,
        timeout=Timeout("reading", 30),
        on_failure="Name a node of the right cluster. Nothing was spent.",
        requirements=("SOL-06",),
    )


def verify(*more: str) -> Step[World]:
    """The program is what it should be; `more` are requirements that this serves there."""

    async def is_done(world: World) -> bool:
        return not await _wrong(world)

    async def run(world: World, _acting: Acting) -> Mapping[str, Json]:
        if wrong := await _wrong(world):
            raise StepFailedError(wrong)
        return {}

    return step(
        id_="verify",
        title="Read the program back",
        does="Checks owner, executable flag, length, upgrade authority, hash and every byte.",
        is_done=is_done,
        run=run,
        timeout=Timeout("reading", 30),
        on_failure=_ROLL_BACK,
        requirements=("SOL-11", *more),
    )


async def _wrong(world: World) -> str:
    """What is not as it should be; empty if all is."""
    found = await world.on_chain()
    if found.data is None:
        return f"{world.program} is not deployed"
    if not found.executable:
        return f"{world.program} is not executable"
    if found.data.authority != world.upgrade_authority:
        return f"its authority is {found.data.authority}, not {world.upgrade_authority}"
    if found.capacity < len(world.code):
        return f"it has {found.capacity:,} bytes, the build {len(world.code):,}"
    if not found.runs(world.code):
        return f"it runs {found.hash}, which is not what was to be deployed"
    return ""


def smoke(inputs: Mapping[str, Json]) -> list[Step[World]]:
    """The product's smoke instruction, where the plan's `inputs` name one."""
    return [_smoke()] if "smoke" in inputs else []


def _smoke() -> Step[World]:
    async def problem(world: World) -> str:
        if world.smoke is None:
            return "no smoke instruction was given"
        return await world.smoke.problem(world.node, world.program, world.payer.pubkey())

    async def is_done(world: World) -> bool:
        return "smoke" in world.passed

    async def run(world: World, _acting: Acting) -> Mapping[str, Json]:
        before = (await world.node.now()).slot
        # A program runs from the slot after its own on: a few more are waited for.
        while wrong := await problem(world):
            if (await world.node.now()).slot > before + 5:
                raise StepFailedError(wrong)
            await world.node.pause(world.node.pace.poll, wrong)
        world.passed.add("smoke")
        return {}

    return step(
        id_="smoke",
        title="Simulate the smoke instruction",
        does="Simulates the product's smoke instruction against the program; nothing is sent.",
        is_done=is_done,
        run=run,
        timeout=Timeout("smoke", 30),
        on_failure=_ROLL_BACK,
        requirements=("SOL-15",),
    )


def settle() -> Step[World]:
    """Nothing can undo it any more; what it cost."""

    async def is_done(world: World) -> bool:
        return "settle" in world.passed

    async def run(world: World, acting: Acting) -> Mapping[str, Json]:
        found = await world.on_chain()
        await world.node.until_final(max(world.node.seen, found.data.slot if found.data else 0))
        final = await look(world.node, world.program, FINALIZED)
        if not final.runs(world.code):
            raise StepPendingError("a fork undid the switch: run the command again, it goes on")
        await _clear_buffer(world)
        facts = await spent(world, acting.notes())
        world.passed.add("settle")
        return facts

    return step(
        id_="settle",
        title="Wait until it is final",
        does="Waits until no fork can undo it, and adds up what was paid, from the chain.",
        is_done=is_done,
        run=run,
        timeout=Timeout("finality", 90),
        on_failure="Run the command again: it goes on.",
        requirements=("AUD-01",),
    )


async def _clear_buffer(world: World) -> None:
    """Forget the key of a buffer that is gone from the chain."""
    key = world.folder.buffer(world.code)
    if key and await world.node.account(key.pubkey()) is None:
        world.folder.buffer_path(world.code).unlink(missing_ok=True)
