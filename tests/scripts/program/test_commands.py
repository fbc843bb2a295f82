"""Tests of `slipway program …` as people call it, over HTTP."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from typer.testing import CliRunner

from localnet.chain import GENESIS, Chain
from scripts.cli import app
from scripts.exits import ExitCode
from scripts.program.elf import program_hash
from tests.localnet.elf import program
from tests.scripts.program.network import Project, listening, project
from tests.scripts.program.simulation import paid
from tests.scripts.runs.people import ROLES, key, write_approvers

_MULTISIG = ("--multisig", str(Pubkey.new_unique()))
_ONE, _TWO = program(1, 2000), program(2, 4000)


def test_a_program_there_and_back(tmp_path: Path) -> None:
    """Deployed, upgraded, verified, rolled back to its version, shown; nothing left behind."""
    with project(tmp_path) as it:
        assert it.deploy(_ONE).exit_code == ExitCode.DONE
        assert it.upgrade(_TWO).exit_code == ExitCode.DONE
        verify = ("verify", "development", "--file", str(it.folder / "next.so"))
        assert "runs what was built" in it.run(*verify).stdout
        back = it.run("rollback", "development", "--execute")
        assert back.exit_code == ExitCode.DONE, back.output
        differs = it.run(*verify)
        assert differs.exit_code == ExitCode.FAILED
        assert "does NOT run what was built" in differs.stdout
        shown = json.loads(it.run("show", "development", "--json").stdout)
        assert shown["hash"] == program_hash(_ONE)
        assert shown["version"] == "1.0.0"
        assert "No buffer of" in it.run("recover", "development").stdout
        forward = it.run("rollback", "development", "--to", "1.1.0", "--execute")
        assert forward.exit_code == ExitCode.DONE, forward.output
        assert it.run(*verify).exit_code == ExitCode.DONE


def test_without_execute_nothing_happens(tmp_path: Path) -> None:
    """The steps, what they cost, what is missing: on stdout."""
    with project(tmp_path) as it:
        file, landed = it.build("program.so", _ONE), len(it.chain.records)
        words = ("deploy", "development", str(file), "--program-key")
        said = it.run(*words, str(it.key("program.json", it.program)))
        assert said.exit_code == ExitCode.DONE
        for part in (
            "2,000 bytes, hash",
            "2 writes, 4 transactions",
            "needed 0.0",
            "passed  ART-04",
            "MISSING ART-01 version: none. To pass it: name it: --version X.Y.Z",
            "Nothing was changed; --execute runs it.",
        ):
            assert part in said.stdout
        assert len(it.chain.records) == landed
        assert not (it.folder / ".slipway" / "buffers").exists()


def test_a_gate_that_is_not_passed_stops_it(tmp_path: Path) -> None:
    """Exit code 1, with how to get there; nothing is spent."""
    with project(tmp_path) as it:
        file, landed = it.build("program.so", _ONE), len(it.chain.records)
        file.with_name("program.so.sha256").write_text("0" * 64, encoding="utf-8")
        said = it.run(
            *("deploy", "development", str(file), "--version", "1.0.0", "--execute"),
            *("--program-key", str(it.key("program.json", it.program))),
        )
        assert said.exit_code == ExitCode.FAILED
        assert "MISSING ART-04 checksum" in said.stderr
        assert len(it.chain.records) == landed


def test_evidence_of_a_deployment_verifies_when_it_is_signed(tmp_path: Path) -> None:
    """Who ran it signs it as lead; costs are those of the chain."""
    with project(tmp_path) as it:
        assert it.deploy(_ONE).exit_code == ExitCode.DONE
        (file,) = (it.folder / ".slipway" / "evidence").iterdir()
        write_approvers(it.folder / "approvers.yaml")
        pem = it.folder / "ana.pem"
        pem.write_bytes(_pem("Ana"))
        pem.chmod(0o600)
        assert "Ana" in ROLES
        runner = CliRunner()
        verify = ["evidence", "verify", str(file)]
        assert runner.invoke(app, verify).exit_code == ExitCode.FAILED
        signed = runner.invoke(
            app, ["evidence", "sign", str(file), "--by", "Ana", "--role", "lead", "--key", str(pem)]
        )
        assert signed.exit_code == ExitCode.DONE, signed.output
        verified = runner.invoke(app, verify)
        assert verified.exit_code == ExitCode.DONE, verified.output
        costs = json.loads(file.read_bytes())["bundle"]["costs"]
        wallet = it.chain.account(it.payer.pubkey())
        assert wallet
        assert 100 * 10**9 - wallet.lamports == paid(costs)


def test_an_extension_and_a_new_authority(tmp_path: Path) -> None:
    """Both once; a key that is not the authority's any more is refused."""
    with project(tmp_path) as it:
        assert it.deploy(_ONE).exit_code == ExitCode.DONE
        assert it.run("extend", "development", "--to", "20000", "--execute").exit_code == 0
        new = str(it.key("new.json", Keypair()))
        handed = it.run("authority", "development", "--new-key", new, "--execute")
        assert handed.exit_code == ExitCode.DONE, handed.output
        refused = it.upgrade(_TWO)
        assert refused.exit_code == ExitCode.USAGE
        assert "is not the upgrade authority" in refused.stderr


def _deployed(it: Project) -> None:
    assert it.deploy(_ONE).exit_code == ExitCode.DONE


def test_what_cannot_be_undone_is_typed(tmp_path: Path) -> None:
    """Whoever cannot be asked cannot do it."""
    with project(tmp_path) as it:
        _deployed(it)
        for words in (("close",), ("authority", "--final")):
            said = it.run(words[0], "development", *words[1:], "--execute", "--yes")
            assert said.exit_code == ExitCode.USAGE
            assert "cannot be undone" in said.stderr
            assert "There is no other way: run it on a terminal" in said.stderr
            assert "--yes" not in said.stderr


def test_a_key_that_is_not_there_is_named_by_its_option(tmp_path: Path) -> None:
    """With how one is made; who only looks needs none."""
    with project(tmp_path) as it:
        file, gone = str(it.build("program.so", _ONE)), str(tmp_path / "gone.json")
        deploy = ("deploy", "development", file)
        for option, words in (
            ("--payer", (*deploy, "--payer", gone)),
            ("--authority", (*deploy, "--authority", gone)),
            ("--program-key", (*deploy, "--program-key", gone)),
            ("--member", ("retire", "development", *_MULTISIG, "--member", gone)),
        ):
            said = it.run(*words)
            assert said.exit_code == ExitCode.USAGE
            assert f"{option}: there is no file {gone}" in said.stderr
            assert f"solana-keygen new --outfile {gone}" in said.stderr
        looked = it.run("proposals", "development", *_MULTISIG, payer=gone)
        assert "no file" not in looked.stderr


@pytest.mark.parametrize("cluster", ["devnet", "mainnet-beta"])
def test_a_node_of_another_cluster_is_refused(tmp_path: Path, cluster: str) -> None:
    """By its genesis hash, before anything is spent."""
    with project(tmp_path) as it, listening(Chain(cluster=cluster)) as other:
        _name_node(it, other.url)
        said = it.deploy(_ONE)
        assert said.exit_code == ExitCode.USAGE
        assert f"the node serves {cluster} (genesis {GENESIS[cluster]})" in said.stderr


def _name_node(it: Project, url: str) -> None:
    file = it.folder / "Pulumi.development.yaml"
    file.write_text(file.read_text("utf-8").replace(it.endpoint.url, url), encoding="utf-8")


def _pem(name: str) -> bytes:
    return key(name).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
