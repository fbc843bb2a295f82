"""The steps that pause a program and let it go on, by the product's own commands."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from environments.program import Pause
from preview.files import replace
from scripts.program.admin.product import Product
from scripts.program.smoke import Smoke
from scripts.program.steps.checks import cluster
from scripts.program.world import World, step
from scripts.runs.canonical import Json, sha256
from scripts.runs.steps import Acting, Plan, Step, StepFailedError, Timeout

_PAUSE: Final = "pause"
_SERVED: Final = ("SOL-17",)
_COMMAND: Final = Timeout("the product's command", 120)
_TRIES: Final = 5


def pause(
    target: str,
    inputs: Mapping[str, Json],
    product: Product,
    spec: Pause,
    writes: Mapping[str, Smoke],
) -> Plan[World]:
    """The program paused, at once: it asks nothing, and no broken journal stands in its way."""
    return Plan(
        target=target,
        command="program pause",
        inputs=inputs,
        always=True,
        steps=[cluster(), _activate(product, spec, writes), _frozen(writes)],
    )


def unpause(
    target: str,
    inputs: Mapping[str, Json],
    product: Product,
    spec: Pause,
    documents: Mapping[str, Path],
) -> Plan[World]:
    """The program going on, once plan and test of the resolution are on record."""
    return Plan(
        target=target,
        command="program unpause",
        inputs=inputs,
        steps=[cluster(), _record(documents), _unpause(product, spec)],
    )


def _activate(product: Product, spec: Pause, writes: Mapping[str, Smoke]) -> Step[World]:
    def run(world: World, acting: Acting) -> Mapping[str, Json]:
        if acting.noted(acting.step) is None:
            refused = world.wait(_refused(world, writes))
            acting.note({"worked": [name for name in writes if name not in refused]})
        acting.check()
        printed = product.run(spec.activate)
        world.node.forget()  # somebody else sent something
        return {"command": list(spec.activate), "printed": sha256(printed)}

    return Step(
        id=_PAUSE,
        title="Pause the program",
        does=f"Runs `{' '.join(spec.activate)}`, and asks `{' '.join(spec.status)}` if it is so.",
        is_done=lambda _: product.says(spec.status, "paused"),
        run=run,
        timeout=_COMMAND,
        on_failure="Run the command again, or pause it by hand: users are still exposed.",
        requirements=_SERVED,
    )


def _frozen(writes: Mapping[str, Smoke]) -> Step[World]:
    """Shown, and not believed: each instruction that changes state is refused now."""

    async def is_done(world: World) -> bool:
        return "frozen" in world.passed

    async def run(world: World, acting: Acting) -> Mapping[str, Json]:
        refused = await _refused(world, writes)
        for _ in range(_TRIES):
            if len(refused) == len(writes):
                break
            await world.node.pause(world.node.pace.poll * 2, "an instruction still goes through")
            refused = await _refused(world, writes)
        if passes := [name for name in writes if name not in refused]:
            raise StepFailedError(f"state can still be changed: {', '.join(passes)}")
        worked = (acting.noted(_PAUSE) or {}).get("worked")
        if worked == []:
            raise StepFailedError(
                "it says that it is paused, and each instruction was refused before, too: that"
                " shows nothing. Name instructions that go through in slipway:solana.pause.writes"
            )
        world.passed.add("frozen")
        return {"refused": dict(refused), "worked_before": worked}

    return step(
        id_="frozen",
        title="Show that no state can be changed",
        does=f"Simulates {', '.join(writes)}: each has to be refused.",
        is_done=is_done,
        run=run,
        timeout=Timeout("smoke", 30),
        on_failure="The pause does not hold: `slipway program rollback`, or stop the services.",
        requirements=_SERVED,
    )


async def _refused(world: World, writes: Mapping[str, Smoke]) -> dict[str, str]:
    """Which of the instructions the chain would refuse now, and why."""
    payer = world.payer.pubkey()
    said = await asyncio.gather(
        *(one.problem(world.node, world.program, payer) for one in writes.values())
    )
    return {name: why for name, why in zip(writes, said, strict=True) if why}


def _record(documents: Mapping[str, Path]) -> Step[World]:
    """What was found to be wrong, how it is mended, and how that was tested."""

    def kept(world: World, name: str, path: Path) -> Path:
        return world.folder.root / "resolutions" / f"{sha256(path.read_bytes())}-{name}"

    async def is_done(world: World) -> bool:
        return all(kept(world, name, path).exists() for name, path in documents.items())

    async def run(world: World, _acting: Acting) -> Mapping[str, Json]:
        for name, path in documents.items():
            to = kept(world, name, path)
            to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            replace(to, path.read_bytes(), mode=0o600)
        return {name: sha256(path.read_bytes()) for name, path in documents.items()}

    return step(
        id_="resolution",
        title="Keep the plan and the test of the resolution",
        does=f"Keeps {' and '.join(str(path) for path in documents.values())} with their hashes.",
        is_done=is_done,
        run=run,
        timeout=Timeout("disk", 15),
        on_failure="Make room on the disk, and run it again. The program is still paused.",
        requirements=_SERVED,
    )


def _unpause(product: Product, spec: Pause) -> Step[World]:
    def run(_world: World, acting: Acting) -> Mapping[str, Json]:
        acting.check()
        printed = product.run(spec.unpause)
        return {"command": list(spec.unpause), "printed": sha256(printed)}

    return Step(
        id="unpause",
        title="Let the program go on",
        does=f"Runs `{' '.join(spec.unpause)}`, and asks `{' '.join(spec.status)}` if it is so.",
        is_done=lambda _: not product.says(spec.status, "paused"),
        run=run,
        timeout=_COMMAND,
        on_failure="Run the command again: it goes on. Until then the program may be paused.",
        requirements=_SERVED,
    )
