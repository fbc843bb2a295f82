"""Tests of pausing a program and correcting its state, by the commands of a product."""

import json
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from solders.account import Account
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from typer.testing import Result

from scripts.exits import ExitCode
from scripts.program.sending import SIGNATURE_FEE
from scripts.runs.journal import current
from scripts.runs.sqlite import SqliteStore
from tests.localnet.programs import SOL, TOKEN, Wallet, code_of
from tests.scripts.program.network import Project, project

_MINT, _VAULT, _OTHER = (Keypair().pubkey() for _ in range(3))
_ADMIN = [sys.executable, "admin.py"]
_PAUSE = {
    "activate": [*_ADMIN, "pause"],
    "unpause": [*_ADMIN, "unpause"],
    "status": [*_ADMIN, "paused"],
    "writes": ["transfer.json"],
}
_CORRECTION = {
    "test": [*_ADMIN, "test"],
    "accounts": [*_ADMIN, "accounts"],
    "apply": [*_ADMIN, "correct"],
    "status": [*_ADMIN, "corrected"],
}


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A product on a chain: a mint, and a vault that holds 100."""

    project: Project

    def state(self, **changes: object) -> None:
        """How the product behaves."""
        names = {"mint": str(_MINT), "vault": str(_VAULT), "other": str(_OTHER)}
        said = {**names, "honest": True, "tested": True, **changes}
        (self.project.folder / "state.json").write_text(json.dumps(said), encoding="utf-8")

    def record(self, **solana: object) -> None:
        """What the environment's record says of the program."""
        path = self.project.folder / "Pulumi.development.yaml"
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        content["config"]["slipway:solana"].update(solana)
        path.write_text(yaml.safe_dump(content), encoding="utf-8")

    def run(self, command: str, *words: str) -> Result:
        """The command, run for real."""
        return self.project.run(command, "development", *words, "--execute")

    def token(self, key: Pubkey) -> bytes:
        """An account of the product."""
        account = self.project.endpoint.between_blocks(lambda: self.project.chain.account(key))
        assert account
        return account.data

    @property
    def is_frozen(self) -> bool:
        """Whether the vault is."""
        return self.token(_VAULT)[108] == 2

    @property
    def balance(self) -> int:
        """What the vault holds."""
        return int.from_bytes(self.token(_VAULT)[64:72], "little")

    def facts(self, step: str) -> dict[str, Any]:
        """What the journal has of a step that was done last."""
        store = SqliteStore(self.project.folder / ".slipway" / "runs.sqlite")
        entries = current("development/program", store).entries()
        store.close()
        return next(
            dict(one.data)
            for one in reversed(entries)
            if one.kind == "step.done" and one.data["step"] == step
        )

    def commit(self) -> None:
        """The product's script, reviewed."""
        for words in (
            ("init", "-q"),
            ("add", "admin.py"),
            ("-c", "user.name=Ana", "-c", "user.email=a@b.c", "commit", "-qm", "Correct it"),
        ):
            subprocess.run(["git", *words], cwd=self.project.folder, check=True)  # noqa: S603, S607


@contextmanager
def _scene(folder: Path) -> Generator[Scene]:
    with project(folder) as it:
        wallet = Wallet(it.chain)
        address = it.endpoint.between_blocks(lambda: wallet.deploy(code_of(TOKEN)))
        it.key("payer.json", wallet.keys)
        made = Scene(project=replace(it, payer=wallet.keys))
        made.state()
        made.record(programId=str(address), pause=_PAUSE, corrections={"refund": _CORRECTION})
        shutil.copy(Path(__file__).with_name("product.py"), folder / "admin.py")
        (folder / "transfer.json").write_text(
            json.dumps(
                {
                    "accounts": [
                        {"address": str(_VAULT), "writable": True},
                        {"address": str(_OTHER), "writable": True},
                        {"address": str(wallet.key), "signer": True},
                    ],
                    "data": "03" + (1).to_bytes(8, "little").hex(),
                }
            ),
            encoding="utf-8",
        )
        it.endpoint.between_blocks(lambda: _place(it, address, wallet.key))
        yield made


def _place(it: Project, program: Pubkey, admin: Pubkey) -> None:
    """The accounts of the product, as SPL Token lays them out."""
    key = (1).to_bytes(4, "little") + bytes(admin)
    mint = key + (100).to_bytes(8, "little") + bytes([0, 1]) + key
    for address, amount in ((_VAULT, 100), (_OTHER, 0)):
        data = bytes(_MINT) + bytes(admin) + amount.to_bytes(8, "little") + bytes(36)
        data += bytes([1]) + bytes(56)
        it.chain.place(address, Account(SOL, data, program))
    it.chain.place(_MINT, Account(SOL, mint, program))
    it.chain.advance(3)


def test_a_pause_is_activated_shown_and_ended(tmp_path: Path) -> None:
    """One command, no question; going on wants the plan and the test of the resolution."""
    with _scene(tmp_path) as it:
        planned = it.project.run("pause", "development")
        assert planned.exit_code == ExitCode.DONE, planned.output
        assert "Simulates transfer.json: each has to be refused." in planned.stdout
        assert not it.is_frozen

        paused = it.run("pause")
        assert paused.exit_code == ExitCode.DONE, paused.output
        assert it.is_frozen
        (evidence,) = (tmp_path / ".slipway" / "evidence").iterdir()
        costs = json.loads(evidence.read_bytes())["bundle"]["costs"]
        assert (costs["transactions"], costs["fees_lamports"]) == (1, SIGNATURE_FEE)
        shown = it.facts("frozen")
        assert shown["worked_before"] == ["transfer.json"]
        assert "Custom(17)" in shown["refused"]["transfer.json"]

        bare = it.run("unpause")
        assert bare.exit_code == ExitCode.FAILED
        assert "SOL-17 plan of the resolution: none. To pass it" in bare.stderr
        assert it.is_frozen
        for name in ("plan", "test"):
            (tmp_path / f"{name}.md").write_text(f"The {name}.", encoding="utf-8")
        words = ("--plan", str(tmp_path / "plan.md"), "--test", str(tmp_path / "test.md"))
        resumed = it.run("unpause", *words)
        assert resumed.exit_code == ExitCode.DONE, resumed.output
        assert not it.is_frozen
        kept = sorted((tmp_path / ".slipway" / "resolutions").iterdir())
        assert {path.read_text(encoding="utf-8") for path in kept} == {"The plan.", "The test."}


def test_a_pause_that_does_not_hold_is_no_pause(tmp_path: Path) -> None:
    """The product says that it is paused, and an instruction still goes through: exit code 1."""
    with _scene(tmp_path) as it:
        (tmp_path / "claims.py").write_text("print('{\"paused\": true}')", encoding="utf-8")
        claims = [sys.executable, "claims.py"]
        it.record(pause={**_PAUSE, "activate": claims, "status": claims})
        said = it.run("pause")
        assert said.exit_code == ExitCode.FAILED
        assert "state can still be changed: transfer.json" in said.stderr


def test_a_correction_is_reviewed_tested_and_recorded(tmp_path: Path) -> None:
    """Nothing before its script is committed; then every account that changed is on record."""
    with _scene(tmp_path) as it:
        unseen = it.run("correct", "refund")
        assert unseen.exit_code == ExitCode.FAILED
        assert "SOL-16 reviewed script" in unseen.stderr
        it.commit()
        it.state(tested=False)
        untested = it.run("correct", "refund")
        assert untested.exit_code == ExitCode.FAILED
        assert "the correction pays too much" in untested.stderr
        assert it.balance == 100
        it.state()
        done = it.run("correct", "refund")
        assert done.exit_code == ExitCode.DONE, done.output
        assert it.balance == 500
        changed = it.facts("changes")["changed"]
        assert set(changed) == {str(_MINT), str(_VAULT)}
        assert all(one["before"] != one["after"] for one in changed.values())
        again = it.run("correct", "refund")
        assert again.exit_code == ExitCode.DONE
        assert it.balance == 500


def test_a_correction_that_writes_elsewhere_is_told(tmp_path: Path) -> None:
    """What it did not name beforehand is found on the chain."""
    with _scene(tmp_path) as it:
        it.commit()
        it.state(honest=False)
        said = it.run("correct", "refund")
        assert said.exit_code == ExitCode.FAILED
        assert f"wrote to accounts that it did not name: {_MINT}" in said.stderr


def test_what_a_record_does_not_name_cannot_be_run(tmp_path: Path) -> None:
    """With the key that names it."""
    with _scene(tmp_path) as it:
        other = it.run("correct", "other")
        assert other.exit_code == ExitCode.USAGE
        assert "there are: refund" in other.stderr
        it.record(pause=None)
        none = it.run("pause")
        assert none.exit_code == ExitCode.USAGE
        assert "slipway:solana.pause names the product's commands" in none.stderr
