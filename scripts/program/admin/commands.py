"""`slipway program pause`, `unpause` and `correct`: the product's own commands, on record."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from environments.model import Cluster
from environments.program import Pause
from preview.project import find_project
from scripts.program.admin import correction, pause
from scripts.program.admin.product import Product
from scripts.program.commands.act import Shown, act
from scripts.program.commands.consent import Consent, signed_off
from scripts.program.gate import Gate
from scripts.program.gates import sign_offs, skipped
from scripts.program.session import Options, Session, SessionError, opened
from scripts.program.smoke import Smoke, read_smoke
from scripts.program.source import review_problem
from scripts.runs.canonical import Json, sha256

_NONE: Final = "this environment's record has no {}: slipway:solana.{} names the product's commands"


def pause_command(options: Options, consent: Consent, *, as_json: bool = False) -> int:
    """Pause the program at once, or print the steps; it is for emergencies, and asks nothing."""
    with opened(options) as session:
        spec, product = _pause_of(session), _product(session, options)
        writes = _writes(product.folder, spec)
        inputs = {**_inputs(session), **_named(product, spec.activate, spec.status)}
        plan = pause.pause(session.target, inputs, product, spec, writes)
        return act(session, plan, consent, _shown(session), asks=False, as_json=as_json)


def unpause_command(
    options: Options,
    consent: Consent,
    *,
    plan: Path | None,
    test: Path | None,
    as_json: bool = False,
) -> int:
    """Let the program go on, or print the steps."""
    with opened(options) as session:
        spec, product = _pause_of(session), _product(session, options)
        documents = {
            name: path for name, path in (("plan", plan), ("test", test)) if path is not None
        }
        inputs = {
            **_inputs(session),
            **_named(product, spec.unpause, spec.status),
            **{name: sha256(path.read_bytes()) for name, path in documents.items()},
            **consent.inputs(),
        }
        made = pause.unpause(session.target, inputs, product, spec, documents)
        gates = [
            _document("plan of the resolution", plan, "--plan"),
            _document("test of the resolution", test, "--test"),
            *_signed_off(session, sign_offs(signed_off(session, made, consent)), consent),
        ]
        return act(session, made, consent, _shown(session, gates), as_json=as_json)


def correct_command(options: Options, consent: Consent, name: str, *, as_json: bool = False) -> int:
    """Correct the program's state as was prepared under `name`, or print the steps."""
    with opened(options) as session:
        known = session.environment.solana.corrections
        if name not in known:
            there = f"; there are: {', '.join(sorted(known))}" if known else ""
            raise SessionError(_NONE.format(f"correction {name}", "corrections") + there)
        spec, product = known[name], _product(session, options)
        named = _named(product, spec.test, spec.accounts, spec.apply, spec.status)
        inputs = {**_inputs(session), "correction": name, **named, **consent.inputs()}
        plan = correction.correct(session.target, inputs, product, spec)
        files = list(product.files(spec.test, spec.accounts, spec.apply, spec.status))
        problem = review_problem(product.folder, files)
        gates = [
            Gate(
                requirement="SOL-16",
                name="reviewed script",
                passed=not problem,
                found=problem or ", ".join(files),
                how="commit what the correction runs, have it reviewed, and run it from there",
            ),
            *_signed_off(session, sign_offs(signed_off(session, plan, consent)), consent),
        ]
        return act(session, plan, consent, _shown(session, gates), as_json=as_json)


def _pause_of(session: Session) -> Pause:
    spec = session.environment.solana.pause
    if spec is None:
        raise SessionError(_NONE.format("pause", "pause"))
    return spec


def _product(session: Session, options: Options) -> Product:
    world = session.world
    world.product_pays = True
    return Product(
        folder=find_project(Path.cwd()),
        variables={
            "SLIPWAY_ENVIRONMENT": session.environment.name,
            "SLIPWAY_CLUSTER": world.cluster.value,
            "SLIPWAY_PROGRAM_ID": str(world.program),
            "SLIPWAY_RPC_URL": session.url,
            "SLIPWAY_PAYER": str((options.payer or Path()).resolve()),
            "SLIPWAY_AUTHORITY": str((options.authority or options.payer or Path()).resolve()),
        },
    )


def _writes(folder: Path, spec: Pause) -> Mapping[str, Smoke]:
    return {name: read_smoke(folder / name) for name in spec.writes}


def _inputs(session: Session) -> dict[str, Json]:
    world = session.world
    return {"program": str(world.program), "cluster": world.cluster.value}


def _named(product: Product, *commands: tuple[str, ...]) -> dict[str, Json]:
    """What is run, down to the bytes: an approval is given to that and nothing else."""
    return {"commands": [list(one) for one in commands], "files": product.files(*commands)}


def _signed_off(session: Session, gate: Gate, consent: Consent) -> list[Gate]:
    """The sign-offs, where the chain is the one that counts; an emergency is signed afterwards."""
    if session.world.cluster is not Cluster.MAINNET_BETA:
        return []
    return [skipped(gate) if consent.emergency else gate]


def _document(name: str, path: Path | None, option: str) -> Gate:
    return Gate(
        requirement="SOL-17",
        name=name,
        passed=path is not None,
        found=f"{path}" if path else "none",
        how=f"name its file: {option} FILE",
    )


def _shown(session: Session, gates: list[Gate] | None = None) -> Shown:
    world = session.world
    running = world.wait(world.on_chain())
    return Shown(
        facts=[f"Program {world.program} on {world.cluster} runs {running.hash or 'nothing'}"],
        gates=gates or [],
        hashes={"program": running.hash} if running.hash else {},
    )
