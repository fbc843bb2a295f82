"""What the commands serve: a step counts where a command's plan has it, a gate where it guards.

A command plans its steps with a pure function, so that an example of its plan, which acts on
nothing, names the steps that each tier gets. A gate is asked about a candidate that has nothing to
show, on the clusters of each tier. Tests of the command hold both to what they do.
"""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from solders.keypair import Keypair
from solders.pubkey import Pubkey

from environments import Environment, load, names
from environments.model import Cluster
from environments.program import Correction, Pause
from preview.project import find_project
from preview.trace import Means, Serving
from scripts.cutover.database.example import example as database_example
from scripts.cutover.database.example import rehearsed as database_rehearsal
from scripts.cutover.examples import cutover_examples
from scripts.program import plans
from scripts.program.admin import correction, pause
from scripts.program.admin.product import Product
from scripts.program.candidate import Candidate
from scripts.program.gates import GATES
from scripts.program.idl import plans as idl
from scripts.program.idl.document import Idl
from scripts.program.idl.publication import Publication
from scripts.program.multisig import plans as multisig
from scripts.program.multisig.squad import Squad
from scripts.release.smoke import steps as smoke
from scripts.release.smoke.aim import public
from scripts.release.smoke.suite import suite
from scripts.runs.steps import Plan
from standards import Tier

Example = Callable[[Tier], Plan[Any] | None]
"""A plan of one command for an environment of a tier; none where the tier has no such command."""

_IDL: Final = Publication(idl=Idl(content=b"", name="", version="", instructions=()))
_SQUAD: Final = Squad(multisig=Pubkey.default(), member=Keypair())
_SMOKED: Final = {"smoke": ""}
_OWN: Final = ("./admin",)
_PRODUCT: Final = Product(folder=Path(), variables={})
_PAUSE: Final = Pause(activate=_OWN, unpause=_OWN, status=_OWN, writes=("write.json",))
_CORRECTION: Final = Correction(test=_OWN, accounts=_OWN, apply=_OWN, status=_OWN)

EXAMPLES: Final[tuple[Example, ...]] = (
    *(
        lambda tier, planned=planned: planned(f"{tier}/program", _SMOKED)
        for planned in (plans.deploy, plans.upgrade, plans.rollback)
    ),
    lambda tier: idl.publish(f"{tier}/program", {}, _IDL),
    lambda tier: multisig.upgrade(f"{tier}/program", _SMOKED, _SQUAD, b""),
    lambda tier: pause.pause(f"{tier}/program", {}, _PRODUCT, _PAUSE, {}),
    lambda tier: pause.unpause(f"{tier}/program", {}, _PRODUCT, _PAUSE, {}),
    lambda tier: correction.correct(f"{tier}/program", {}, _PRODUCT, _CORRECTION),
    lambda tier: _smoke(tier),  # noqa: PLW0108 - it is defined below
    *cutover_examples(),
    database_example,
    database_rehearsal,
)


def serving_steps(examples: tuple[Example, ...] = EXAMPLES) -> list[Serving]:
    """What the steps of the plans of `examples` serve, each in the tiers whose plans have it."""
    return [each for example in examples for tier in Tier for each in _served(example(tier), tier)]


def serving_gates() -> list[Serving]:
    """What the gates of programs serve, each in the tiers whose clusters it guards."""
    nothing = Candidate(
        cluster=Cluster.MAINNET_BETA,
        size=0,
        checksum="",
        recorded_checksum=None,
        version=None,
        balance=0,
    )
    found = [(gate(nothing), guarded) for gate, guarded in GATES]
    return [
        Serving(
            requirement=gate.requirement,
            by=Means.GATE,
            name=f"program {gate.name}",
            environments=(environment.tier,),
        )
        for environment in _environments(find_project(Path.cwd()))
        for gate, guarded in found
        if environment.solana.cluster in guarded
    ]


def _smoke(tier: Tier) -> Plan[Any] | None:
    """The smoke tests of this project's environment of `tier`, which its file has a part in."""
    found = (each for each in _environments(find_project(Path.cwd())) if each.tier is tier)
    environment = next(found, None)
    if environment is None:
        return None
    return smoke.plan(suite(environment, public(environment)), f"{environment.name}/smoke")


@cache
def _environments(project: Path) -> tuple[Environment, ...]:
    return tuple(load(name, project) for name in names(project))


def _served(plan: Plan[Any] | None, tier: Tier) -> Iterator[Serving]:
    for step in plan.steps if plan else ():
        for cited in step.requirements:
            yield Serving(
                requirement=cited,
                by=Means.STEP,
                name=f"{plan.command} {step.id}" if plan else step.id,
                environments=(tier,),
            )
