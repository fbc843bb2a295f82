"""Tests of `slipway program idl …` as people call it, over HTTP."""

import json
from pathlib import Path

import pytest
from solders.account import Account
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from scripts.exits import ExitCode
from scripts.program.idl.account import look_legacy
from scripts.program.idl.metadata import SEED, metadata_address
from scripts.program.loader import program_data_address, set_authority
from scripts.program.multisig.squads import Permission, vault_address
from scripts.program.node import Node
from tests.localnet.elf import program
from tests.localnet.programs import SOL
from tests.scripts.program.idl.program import MetadataChain
from tests.scripts.program.idl.scene import document, idl_of
from tests.scripts.program.multisig.program import State
from tests.scripts.program.network import Project, project
from tests.scripts.program.simulation import simulated


def _file(it: Project, version: str = "1.0.0", noise: int = 0) -> str:
    """A built IDL."""
    path = it.folder / f"vault-{version}.json"
    path.write_bytes(idl_of(it.program.pubkey(), version=version, noise=noise).content)
    return str(path)


def test_an_idl_from_its_first_publication_on(tmp_path: Path) -> None:
    """Published, compared, replaced, shown, written into a file; evidence of each."""
    with project(tmp_path, chain=MetadataChain()) as it:
        assert it.deploy(program(1)).exit_code == ExitCode.DONE
        one, two = _file(it), _file(it, "1.1.0", 2_000)
        missing = it.run("idl", "compare", "development", one)
        assert missing.exit_code == ExitCode.FAILED
        assert "no IDL is published" in missing.stdout
        first = it.run("idl", "publish", "development", one, "--version", "1.0.0", "--execute")
        assert first.exit_code == ExitCode.DONE, first.output
        assert it.run("idl", "compare", "development", one).exit_code == ExitCode.DONE
        differs = it.run("idl", "compare", "development", two)
        assert differs.exit_code == ExitCode.FAILED
        assert "version 1.0.0 is published, 1.1.0 was built" in differs.stdout
        early = it.run("idl", "publish", "development", two, "--execute")
        assert early.exit_code == ExitCode.USAGE
        assert "runs version 1.0.0, and the IDL is of 1.1.0" in early.stderr
        assert it.upgrade(program(2), "1.1.0").exit_code == ExitCode.DONE
        second = it.run("idl", "publish", "development", two, "--execute", "--json")
        assert second.exit_code == ExitCode.DONE, second.output
        bundle = json.loads(Path(json.loads(second.stdout)["evidence"]).read_bytes())["bundle"]
        assert (
            bundle["hashes"]["idl"]
            == idl_of(it.program.pubkey(), version="1.1.0", noise=2_000).hash
        )
        assert bundle["costs"]["fees_lamports"] > 0
        copy = it.folder / "copy.json"
        shown = it.run("idl", "show", "development", "--json", "--output", str(copy))
        told = json.loads(shown.stdout)
        assert told["version"] == "1.1.0"
        assert told["address"] == str(metadata_address(it.program.pubkey()))
        assert copy.read_bytes() == Path(two).read_bytes()
        back = it.run("rollback", "development").stdout
        assert "then its IDL, of version 1.0.0 instead of 1.1.0" in back


def test_spaces_in_a_published_idl_are_no_difference(tmp_path: Path) -> None:
    """Other clients publish it without them; an instruction more is one."""
    with project(tmp_path, chain=MetadataChain()) as it:
        assert it.deploy(program(1)).exit_code == ExitCode.DONE
        idl = document(it.program.pubkey())
        file = it.folder / "vault.json"
        file.write_text(json.dumps(idl), encoding="utf-8")
        words = ("idl", "publish", "development", str(file), "--execute")
        assert it.run(*words).exit_code == ExitCode.DONE
        file.write_text(json.dumps(idl, indent=4), encoding="utf-8")
        assert it.run("idl", "compare", "development", str(file)).exit_code == ExitCode.DONE
        more = {"name": "pause", "discriminator": [9] * 8, "accounts": [], "args": []}
        instructions = idl["instructions"]
        assert isinstance(instructions, list)
        file.write_text(json.dumps({**idl, "instructions": [*instructions, more]}), "utf-8")
        said = it.run("idl", "compare", "development", str(file), "--json")
        assert said.exit_code == ExitCode.FAILED
        assert "instruction pause is not published" in json.loads(said.stdout)["differences"]


def test_without_execute_nothing_happens(tmp_path: Path) -> None:
    """The steps, what they cost, what is replaced: on stdout."""
    with project(tmp_path, chain=MetadataChain()) as it:
        assert it.deploy(program(1)).exit_code == ExitCode.DONE
        landed = len(it.chain.records)
        said = it.run("idl", "publish", "development", _file(it, noise=1_000))
        assert said.exit_code == ExitCode.DONE, said.output
        for part in (
            "vault 1.0.0, 2 instructions",
            "instead of none",
            "2 writes, 4 transactions",
            "comes back",
            "needed 0.0",
            "SOL-10",
            "Nothing was changed; --execute runs it.",
        ):
            assert part in said.stdout
        assert len(it.chain.records) == landed
        assert not (it.folder / ".slipway" / "idl").exists()


def test_who_may_change_it_is_handed_over_and_taken_back(tmp_path: Path) -> None:
    """To a key beside the upgrade authority's, which then publishes."""
    with project(tmp_path, chain=MetadataChain()) as it:
        assert it.deploy(program(1)).exit_code == ExitCode.DONE
        assert it.run("idl", "publish", "development", _file(it), "--execute").exit_code == 0
        other = Keypair()
        own = ("--authority", str(it.key("other.json", other)))
        words = ("idl", "authority", "development", "--execute")
        given = it.run(*words, "--new-address", str(other.pubkey()))
        assert given.exit_code == ExitCode.DONE, given.output
        shown = it.run("idl", "show", "development").stdout
        assert str(other.pubkey()) in shown
        next_ = it.run("idl", "publish", "development", _file(it, noise=9), "--execute", *own)
        assert next_.exit_code == ExitCode.DONE, next_.output
        assert it.run(*words, "--remove").exit_code == ExitCode.DONE
        refused = it.run("idl", "publish", "development", _file(it, noise=10), "--execute", *own)
        assert refused.exit_code == ExitCode.USAGE
        assert "is not the upgrade authority" in refused.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("publish", "--version", "2.0.0"), "metadata.version is 1.0.0"),
        (("publish", "--authority", "other.json"), "is not the upgrade authority"),
        (("authority", "--remove"), "no IDL is published"),
        (("authority",), "name one"),
    ],
)
def test_what_cannot_be_done_is_refused(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    """Before a lamport moves, with what to do."""
    with project(tmp_path, chain=MetadataChain()) as it:
        assert it.deploy(program(1)).exit_code == ExitCode.DONE
        it.key("other.json", Keypair())
        landed = len(it.chain.records)
        file = [_file(it)] if words[0] == "publish" else []
        refused = it.run("idl", words[0], "development", *file, *words[1:], "--execute")
        assert refused.exit_code == ExitCode.USAGE
        assert said in refused.stderr
        assert len(it.chain.records) == landed


def test_a_cluster_without_program_metadata_is_refused(tmp_path: Path) -> None:
    """A local chain has the programs that were put there."""
    with project(tmp_path) as it:
        assert it.deploy(program(1)).exit_code == ExitCode.DONE
        refused = it.run("idl", "publish", "development", _file(it), "--execute")
        assert refused.exit_code == ExitCode.USAGE
        assert "has no program" in refused.stderr


def test_an_upgrade_publishes_an_idl_only_through_a_vault(tmp_path: Path) -> None:
    """With one key there is nothing to put together; the message says what to run."""
    with project(tmp_path) as it:
        build = str(it.build("next.so", program(2)))
        refused = it.run("upgrade", "development", build, "--idl", _file(it))
        assert refused.exit_code == ExitCode.USAGE
        assert "slipway program idl publish" in refused.stderr


def test_an_upgrade_and_its_idl_are_asked_for_together(tmp_path: Path) -> None:
    """By one command, which refuses an IDL of another version than the program's."""
    chain, multisig, ana = MetadataChain(), Keypair().pubkey(), Keypair()
    with project(tmp_path, chain=chain) as it:
        assert it.deploy(program(1)).exit_code == ExitCode.DONE
        it.endpoint.between_blocks(lambda: _hand_to_vault(it, chain, multisig, ana))
        build, member = str(it.build("next.so", program(2))), str(it.key("ana.json", ana))
        words = ("upgrade", "development", build, "--version", "1.1.0", "--emergency")
        owner = ("--multisig", str(multisig), "--member", member)
        wrong = it.run(*words, *owner, "--idl", _file(it, "1.2.0"))
        assert wrong.exit_code == ExitCode.USAGE
        assert "metadata.version is 1.2.0" in wrong.stderr
        right = ("--idl", _file(it, "1.1.0"))
        planned = it.run(*words, *owner, *right)
        assert planned.exit_code == ExitCode.DONE, planned.output
        assert "Hand the IDL's buffer to the vault" in planned.stdout
        assert it.run(*words, *owner, *right, "--execute").exit_code == ExitCode.PENDING
        asked = it.run("proposals", "development", "--multisig", str(multisig)).stdout
        assert f"upgrades {it.program.pubkey()} from buffer" in asked
        assert f"SHA-256 {idl_of(it.program.pubkey(), version='1.1.0').hash}" in asked


def test_after_a_vault_s_rollback_the_members_publish_the_idl_that_was_kept(tmp_path: Path) -> None:
    """The rollback waits for no vote; the command for it names the kept file, and does it."""
    chain, multisig, ana = MetadataChain(), Keypair().pubkey(), Keypair()
    with project(tmp_path, chain=chain) as it:
        assert it.deploy(program(1)).exit_code == ExitCode.DONE
        assert it.run("idl", "publish", "development", _file(it), "--execute").exit_code == 0
        it.endpoint.between_blocks(lambda: _hand_to_vault(it, chain, multisig, ana, threshold=1))
        build, member = str(it.build("next.so", program(2))), str(it.key("ana.json", ana))
        owner = ("--multisig", str(multisig), "--member", member)
        words = ("upgrade", "development", build, "--version", "1.1.0", *owner, "--execute")
        done = it.run(*words, "--idl", _file(it, "1.1.0"))
        assert done.exit_code == ExitCode.DONE, done.output
        back = it.run("rollback", "development", *owner, "--execute")
        assert back.exit_code == ExitCode.DONE, back.output
        (said,) = (line for line in back.stderr.splitlines() if "idl publish" in line)
        assert "its IDL on chain stays that of version 1.1.0" in said
        command = said.partition("slipway program ")[2].split()
        assert command[-4:] == ["--multisig", str(multisig), "--vault", "0"]
        published = it.run(*command, "--member", member, "--execute")
        assert published.exit_code == ExitCode.DONE, published.output
        assert it.run("idl", "compare", "development", _file(it)).exit_code == ExitCode.DONE


def _hand_to_vault(
    it: Project, chain: MetadataChain, multisig: Pubkey, ana: Keypair, threshold: int = 2
) -> None:
    every = Permission.INITIATE | Permission.VOTE | Permission.EXECUTE
    members = tuple((key, every) for key in (ana.pubkey(), Keypair().pubkey()))
    chain.found(
        multisig, State(create_key=multisig, threshold=threshold, time_lock=0, members=members)
    )
    chain.airdrop(ana.pubkey(), SOL)
    own = it.payer.pubkey()
    account = program_data_address(it.program.pubkey())
    message = Message.new_with_blockhash(
        [set_authority(account, own, vault_address(multisig))], own, chain.blocks.newest.hash
    )
    chain.submit(VersionedTransaction(message, [it.payer]))
    chain.advance(3)


def test_what_anchor_published_before_is_found(tmp_path: Path) -> None:
    """In an account of the program itself, behind a header of 44 bytes."""
    with simulated(tmp_path) as simulation:
        world, own = simulation.world(b""), simulation.program
        idl = idl_of(own)
        assert SEED[:3] == b"idl"
        base = Pubkey.find_program_address([], own)[0]
        address = Pubkey.create_with_seed(base, "anchor:idl", own)
        node: Node = world.node
        assert world.wait(look_legacy(node, own)) is None
        packed = idl.packed
        data = bytes(40) + len(packed).to_bytes(4, "little") + packed + bytes(20)
        simulation.chain.place(address, Account(10**9, data, own))
        simulation.let_pass(2)
        assert world.wait(look_legacy(node, own)) == idl.content
