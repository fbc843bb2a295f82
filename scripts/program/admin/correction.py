"""The steps that correct a program's state, by its admin functions and nothing else."""

from collections.abc import Mapping, Sequence
from typing import Final

from solders.account import Account
from solders.pubkey import Pubkey

from environments.program import Correction
from scripts.program.admin.product import Product
from scripts.program.node import CONFIRMED
from scripts.program.spending import written
from scripts.program.steps.checks import CLUSTER, cluster
from scripts.program.world import World, step
from scripts.runs.canonical import Json, sha256
from scripts.runs.steps import Acting, Plan, Step, StepFailedError, Timeout

_CORRECT: Final = "correct"
_SERVED: Final = ("SOL-16",)
_COMMAND: Final = Timeout("the product's command", 900)
_AT_ONCE: Final = 100
"""A node answers for so many accounts."""


def correct(
    target: str, inputs: Mapping[str, Json], product: Product, spec: Correction
) -> Plan[World]:
    """Tested, done, and every account that changed on record."""
    return Plan(
        target=target,
        command="program correct",
        inputs=inputs,
        steps=[cluster(), _test(product, spec), _apply(product, spec), _changes(product, spec)],
    )


def _test(product: Product, spec: Correction) -> Step[World]:
    def run(world: World, _acting: Acting) -> Mapping[str, Json]:
        printed = product.run(spec.test)
        world.passed.add("test")
        return {"command": list(spec.test), "printed": sha256(printed)}

    return Step(
        id="test",
        title="Test the correction",
        does=f"Runs `{' '.join(spec.test)}`, where nothing is at stake.",
        is_done=lambda world: "test" in world.passed or product.says(spec.status, "corrected"),
        run=run,
        timeout=_COMMAND,
        on_failure="Mend the correction. Nothing was changed on chain.",
        requirements=_SERVED,
    )


def _apply(product: Product, spec: Correction) -> Step[World]:
    def run(world: World, acting: Acting) -> Mapping[str, Json]:
        if acting.noted(acting.step) is None:
            # As they were before the first try, whatever a kill leaves half done.
            accounts = product.addresses(spec.accounts)
            acting.note({"before": world.wait(_digests(world, accounts))})
        acting.check()
        printed = product.run(spec.apply)
        world.node.forget()  # somebody else sent something
        return {"command": list(spec.apply), "printed": sha256(printed)}

    return Step(
        id=_CORRECT,
        title="Correct the state",
        does=f"Runs `{' '.join(spec.apply)}`, and asks `{' '.join(spec.status)}` if it is so.",
        is_done=lambda _: product.says(spec.status, "corrected"),
        run=run,
        timeout=_COMMAND,
        on_failure="Run the command again: it goes on, and the record begins where it began.",
        requirements=_SERVED,
    )


def _changes(product: Product, spec: Correction) -> Step[World]:
    """Which accounts changed, from the chain; none that was not named beforehand."""

    async def is_done(world: World) -> bool:
        return "changes" in world.passed

    async def run(world: World, acting: Acting) -> Mapping[str, Json]:
        noted = (acting.noted(_CORRECT) or {}).get("before")
        known: Mapping[str, Json] = noted if isinstance(noted, Mapping) else {}
        named = [Pubkey.from_string(name) for name in known] or product.addresses(spec.accounts)
        after = await _digests(world, named)
        changed: dict[str, Json] = {
            name: {"before": known.get(name), "after": now}
            for name, now in after.items()
            if now != known.get(name)
        }
        since = (acting.noted(CLUSTER) or {}).get("slot")
        own = {world.authority.pubkey(), world.payer.pubkey()}
        touched = await written(
            world.node, world.authority.pubkey(), since=since if isinstance(since, int) else 0
        )
        if unnamed := sorted(map(str, touched - own - set(named))):
            raise StepFailedError(
                f"the correction wrote to accounts that it did not name: {', '.join(unnamed)}"
            )
        world.passed.add("changes")
        return {"changed": changed if known else {}, "named": len(named)}

    return step(
        id_="changes",
        title="Record every account that changed",
        does="Compares each account with what it was, and looks for others that were written to.",
        is_done=is_done,
        run=run,
        timeout=Timeout("reading", 90),
        on_failure="The state was corrected; look at what else it changed, in the journal.",
        requirements=(*_SERVED, "AUD-01"),
    )


async def _digests(world: World, keys: Sequence[Pubkey]) -> dict[str, Json]:
    """A digest of each account as it is now: who owns it, its lamports, its bytes."""
    found: dict[str, Json] = {}
    for begin in range(0, len(keys), _AT_ONCE):
        some = keys[begin : begin + _AT_ONCE]
        accounts = await world.node.accounts(some, CONFIRMED)
        found |= {str(key): _digest(each) for key, each in zip(some, accounts, strict=True)}
    return found


def _digest(account: Account | None) -> str | None:
    if account is None:
        return None
    lamports = account.lamports.to_bytes(8, "little")
    return sha256(bytes(account.owner) + lamports + bytes(account.data))
