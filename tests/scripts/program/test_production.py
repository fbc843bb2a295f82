"""Tests of how production is let in: a name typed, approvals on record, somebody on call."""

import json
import re
from pathlib import Path

import pytest
from solders.pubkey import Pubkey

from localnet.chain import Chain
from scripts.exits import ExitCode
from scripts.program.commands.act import Shown, act
from scripts.program.commands.consent import Consent, NotConfirmedError
from scripts.program.gates import AFTERWARDS, sign_offs, skipped
from scripts.program.loader import program_data_address, read_program_data
from scripts.program.session import RPC_VARIABLE, Options, opened
from scripts.program.steps import checks
from scripts.program.world import World
from scripts.runs.steps import Plan
from tests.localnet.elf import program
from tests.localnet.programs import Wallet
from tests.scripts.program.network import Project, project
from tests.scripts.program.people import approve
from tests.scripts.runs.people import write_approvers

_ROOT = Path(__file__).parents[3]
_PLAN: Plan[World] = Plan(
    target="production/program",
    command="program upgrade",
    inputs={"change": "emergency"},
    steps=[checks.cluster()],
)
_EXTEND = ("extend", "production", "--to", "20000")


def _production(it: Project) -> Pubkey:
    """A program on the chain, and a production environment that names it."""
    wallet = Wallet(it.chain)
    address = it.endpoint.between_blocks(lambda: wallet.deploy(program(1)))
    it.endpoint.between_blocks(lambda: it.chain.advance(3))
    text = (_ROOT / "Pulumi.production.yaml").read_text(encoding="utf-8")
    text = re.sub(r"programId: \S+", f"programId: {address}", text)
    (it.folder / "Pulumi.production.yaml").write_text(text, encoding="utf-8")
    it.key("payer.json", wallet.keys)
    write_approvers(it.folder / "approvers.yaml")
    return address


def _room(it: Project, address: Pubkey) -> int:
    account = it.chain.account(program_data_address(address))
    assert account
    return len(read_program_data(account.data).code)


def test_production_wants_its_name_typed_or_an_approval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody can be asked: the approval of another person, of this plan and no other."""
    with project(tmp_path, chain=Chain(cluster="mainnet-beta")) as it:
        address = _production(it)
        monkeypatch.setenv(RPC_VARIABLE, it.endpoint.url)
        before = _room(it, address)
        planned = it.run(*_EXTEND, "--json")
        assert planned.exit_code == ExitCode.DONE, planned.output
        plan = json.loads(planned.stdout)["plan"]
        asked = it.run(*_EXTEND, "--execute")
        assert asked.exit_code == ExitCode.USAGE
        assert "This changes production. Type its name to go on" in asked.stderr
        alone = it.run(*_EXTEND, "--execute", "--yes")
        assert alone.exit_code == ExitCode.USAGE
        assert f"--yes needs 1 approval on record of the plan {plan}" in alone.stderr
        for name, role, of in (("Ana", "engineering", plan), ("Ben", "engineering", "0" * 64)):
            given = approve(it.folder, name, role, of)
            said = it.run(*_EXTEND, "--execute", "--yes", "--approval", given)
            assert said.exit_code == ExitCode.USAGE, said.output
        assert _room(it, address) == before
        given = approve(it.folder, "Ben", "engineering", plan)
        done = it.run(*_EXTEND, "--execute", "--yes", "--approval", given)
        assert done.exit_code == ExitCode.DONE, done.output
        assert _room(it, address) == 20_000
        (file,) = (it.folder / ".slipway" / "evidence").iterdir()
        (approval,) = json.loads(file.read_bytes())["bundle"]["approvals"]
        assert approval["by"] == "Ben"


def _emergency(it: Project, *approvals: str, yes: bool = True) -> int:
    """A run that skips a gate, as an emergency of Ana's."""
    options = Options(
        environment="production", payer=it.folder / "payer.json", operator="Ana", resume="again"
    )
    files = [Path(one) for one in approvals]
    consent = Consent(execute=True, yes=yes, emergency=True, approvals=files)
    gate = skipped(sign_offs(frozenset()))
    with opened(options) as session:
        return act(session, _PLAN, consent, Shown(gates=[gate], hashes={"program": "0" * 64}))


def test_an_emergency_is_let_in_by_somebody_on_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never by nobody; what it skipped, and by which sentence, is in journal and evidence."""
    with project(tmp_path, chain=Chain(cluster="mainnet-beta")) as it:
        _production(it)
        monkeypatch.setenv(RPC_VARIABLE, it.endpoint.url)
        for yes in (True, False):
            with pytest.raises(NotConfirmedError, match="released by somebody on call"):
                _emergency(it, approve(it.folder, "Ben", "engineering", _PLAN.hash), yes=yes)
        assert not (it.folder / ".slipway" / "evidence").exists()
        assert _emergency(it, approve(it.folder, "Gil", "on-call", _PLAN.hash)) == ExitCode.DONE
        (file,) = (it.folder / ".slipway" / "evidence").iterdir()
        bundle = json.loads(file.read_bytes())["bundle"]
        assert bundle["change"] == "emergency"
        assert [one["by"] for one in bundle["approvals"]] == ["Gil"]
        let_in = bundle["entries"][0]["data"]["let_in"]
        assert let_in["change"] == "emergency"
        assert let_in["asked"] == "those whose approvals are on record"
        assert [one["what"] for one in let_in["owed"]] == ["approval", "documentation"]
        (gate,) = let_in["gates"]
        assert gate["requirement"] == "GATE-05"
        assert gate["skipped"] == AFTERWARDS["GATE-05"]
        assert gate["found"].startswith("missing: engineering")


def test_a_way_back_waits_for_no_file_of_approvers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that cannot be read is told; whoever asks to be let in is refused by it."""
    with project(tmp_path, chain=Chain(cluster="mainnet-beta")) as it:
        address = _production(it)
        monkeypatch.setenv(RPC_VARIABLE, it.endpoint.url)
        (it.folder / "approvers.yaml").write_text("approvers: nobody", encoding="utf-8")
        assert it.run(*_EXTEND, "--execute", "--yes").exit_code == ExitCode.USAGE
        file = str(it.build("old.so", program(1)))
        back = it.run("rollback", "production", "--file", file, "--execute", "--json")
        assert back.exit_code == ExitCode.DONE, back.output
        assert "nobody can sign the evidence of this run: approvers.yaml" in back.stderr
        first = json.loads(Path(json.loads(back.stdout)["evidence"]).read_bytes())["bundle"]
        owed = first["entries"][0]["data"]["let_in"]["owed"]
        assert [one["what"] for one in owed] == ["review"]
        assert _room(it, address)
