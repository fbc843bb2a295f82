"""Tests of a program's way through the clusters, as people go it, in an emergency."""

import json
import re
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from localnet.chain import Chain
from scripts.cli import app
from scripts.exits import ExitCode
from scripts.program import soak
from scripts.program.session import RPC_VARIABLE
from tests.localnet.elf import program
from tests.localnet.programs import SOL
from tests.scripts.program.network import Project, listening, project
from tests.scripts.program.people import approve, prove, release, sign
from tests.scripts.runs.people import write_approvers

_ROOT = Path(__file__).parents[3]
_CODE = program(1, 2000)
_LIMIT = ("--size-limit", "300000", "--because", "a large verifier")


def _record(it: Project, environment: str) -> None:
    name = f"Pulumi.{environment}.yaml"
    text = (_ROOT / name).read_text(encoding="utf-8")
    text = re.sub(r"programId: \S+", f"programId: {it.program.pubkey()}", text)
    (it.folder / name).write_text(text, encoding="utf-8")


def _deploy(it: Project, environment: str, *words: str) -> Result:
    file = it.build("program.so", _CODE)
    key = it.key("program.json", it.program)
    common = ("--version", "1.0.0", "--program-key", str(key), "--json")
    return it.run("deploy", environment, str(file), *common, *words)


def _evidence(said: Result) -> str:
    assert said.exit_code == ExitCode.DONE, said.output
    return json.loads(said.stdout)["evidence"]


def _gates(said: Result) -> Mapping[str, Any]:
    assert said.exit_code == ExitCode.DONE, said.output
    return {gate["requirement"]: gate for gate in json.loads(said.stdout)["gates"]}


def test_an_emergency_goes_through_every_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only sign-offs and the hours of the soak wait; somebody on call lets it in; it is owed."""
    devnet, mainnet = Chain(cluster="devnet"), Chain(cluster="mainnet-beta")
    with ExitStack() as stack:
        it = stack.enter_context(project(tmp_path))
        for chain in (devnet, mainnet):
            chain.airdrop(it.payer.pubkey(), 100 * SOL)
            chain.advance(2)
        urls = [stack.enter_context(listening(chain)).url for chain in (devnet, mainnet)]
        write_approvers(tmp_path / "approvers.yaml")
        first = sign(tmp_path, _evidence(_deploy(it, "development", "--execute")))
        proofs = str(prove(tmp_path, tmp_path / "program.so"))
        ready = ("--proof", proofs, "--source", release(tmp_path, "1.0.0"), *_LIMIT)

        _record(it, "staging")
        monkeypatch.setenv(RPC_VARIABLE, urls[0])
        second = _deploy(it, "staging", *ready, "--evidence", first, "--execute")
        shown = ("--evidence", sign(tmp_path, _evidence(second)))

        _record(it, "production")
        monkeypatch.setenv(RPC_VARIABLE, urls[1])
        monkeypatch.setenv(soak.RPC_VARIABLE, urls[0])
        asked = _gates(_deploy(it, "production", *ready, *shown))
        missing = {"SOL-04", "SOL-15", "GATE-05"}
        assert {one for one, gate in asked.items() if not gate["passed"]} == missing
        assert "0.0 hours by the evidence, runs there since slot" in asked["SOL-04"]["found"]

        urgent = (*ready, *shown, "--without-smoke", "it only holds data", "--emergency")
        planned = _deploy(it, "production", *urgent)
        gates = _gates(planned)
        assert {one for one, gate in gates.items() if gate["skipped"]} == missing - {"SOL-15"}
        alone = _deploy(it, "production", *urgent, "--yes", "--execute")
        assert alone.exit_code == ExitCode.USAGE
        assert "released by somebody on call other than Ana" in alone.stderr
        plan = json.loads(planned.stdout)
        assert plan["inputs"]["size_limit_because"] == "a large verifier"
        assert plan["inputs"]["without_smoke"] == "it only holds data"
        assert plan["inputs"]["change"] == "emergency"
        assert "smoke" not in [step["id"] for step in plan["steps"]]

        given = approve(tmp_path, "Gil", "on-call", plan["plan"])
        done = _deploy(it, "production", *urgent, "--yes", "--execute", "--approval", given)
        bundle = json.loads(Path(_evidence(done)).read_bytes())["bundle"]
        let_in = bundle["entries"][0]["data"]["let_in"]
        kept = {gate["requirement"]: gate for gate in let_in["gates"]}
        assert {one for one, gate in kept.items() if gate["skipped"]} == {"SOL-04", "GATE-05"}
        assert all(kept[one]["on"] for one in ("SOL-01", "SOL-02", "SOL-09", "SOL-18", "SEC-04"))
        owed = CliRunner().invoke(app, ["evidence", "owed", "production/program"])
        assert owed.exit_code == ExitCode.PENDING
        assert "owes its approval" in owed.stdout
