"""Tests of what members of a multisig type, over HTTP."""

import json
from pathlib import Path

from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from scripts.exits import ExitCode
from scripts.program.elf import program_hash
from scripts.program.loader import program_data_address, set_authority
from scripts.program.multisig.squads import Permission, vault_address
from scripts.program.sending import SIGNATURE_FEE
from tests.localnet.elf import program
from tests.localnet.programs import SOL
from tests.scripts.program.idl.scene import document
from tests.scripts.program.multisig.program import SquadsChain, State
from tests.scripts.program.network import Project, project
from tests.scripts.program.record.program import OtterChain
from tests.scripts.program.record.test_otter import ARGS, COMMIT, URL

_ONE, _TWO = program(1, 600), program(2, 700)
_MULTISIG, _NONCE = (Pubkey.from_bytes(bytes([number] * 32)) for number in (71, 72))
_OWNER = ("--multisig", str(_MULTISIG))


def _hand_over(it: Project, chain: SquadsChain, *members: Keypair) -> None:
    """The program, to the vault of `members`, of whom two decide."""
    every = Permission.INITIATE | Permission.VOTE | Permission.EXECUTE
    known = tuple((key.pubkey(), every) for key in members)
    chain.found(_MULTISIG, State(create_key=_MULTISIG, threshold=2, time_lock=0, members=known))
    for key in members:
        chain.airdrop(key.pubkey(), SOL)
    own, account = it.payer.pubkey(), program_data_address(it.program.pubkey())
    message = Message.new_with_blockhash(
        [set_authority(account, own, vault_address(_MULTISIG))], own, chain.blocks.newest.hash
    )
    chain.submit(VersionedTransaction(message, [it.payer]))
    chain.advance(3)


def _fees(evidence: str) -> int:
    """What a submitted vote cost, by the evidence of its run."""
    bundle = json.loads(Path(evidence).read_bytes())["bundle"]
    assert bundle["what"] == "program submit"
    return bundle["costs"]["fees_lamports"]


def test_members_upgrade_and_go_back(tmp_path: Path) -> None:
    """One types, one votes beside, one on a machine without a network; then one goes back."""
    chain, ana, bo = SquadsChain(), Keypair(), Keypair()
    with project(tmp_path, chain=chain) as it:
        assert it.deploy(_ONE).exit_code == ExitCode.DONE
        it.endpoint.between_blocks(lambda: _hand_over(it, chain, ana, bo))
        it.endpoint.between_blocks(lambda: chain.make_nonce(_NONCE, bo.pubkey()))
        as_ana = (*_OWNER, "--member", str(it.key("ana.json", ana)))
        as_bo = (*_OWNER, "--member", str(it.key("bo.json", bo)))
        build = str(it.build("next.so", _TWO))
        upgrade = ("upgrade", "development", build, "--version", "1.1.0", *as_ana, "--execute")
        asked = it.run(*upgrade)
        assert asked.exit_code == ExitCode.PENDING, asked.output
        assert f"slipway program vote ENVIRONMENT 1 approve {' '.join(_OWNER)}" in asked.stderr

        vote = ("vote", "development", "1", "approve", *as_bo)
        seen = it.run(*vote)
        assert seen.exit_code == ExitCode.DONE, seen.output
        assert program_hash(_ONE) in seen.stdout
        assert it.run(*vote, "--execute").exit_code == ExitCode.DONE
        again = it.run(*upgrade)
        assert again.exit_code == ExitCode.PENDING
        (newest, oldest) = json.loads(it.run("proposals", "development", *_OWNER, "--json").stdout)
        assert (newest["index"], newest["status"]) == (2, "active")
        assert (oldest["index"], oldest["status"]) == (1, "approved")

        file = str(tmp_path / "vote.json")
        exported = it.run(
            *("export-vote", "development", "2", "approve", *_OWNER, "--output", file),
            *("--member", str(bo.pubkey()), "--nonce", str(_NONCE)),
        )
        assert exported.exit_code == ExitCode.DONE, exported.output
        submit = ("submit", "development", file)
        assert it.run(*submit).exit_code == ExitCode.USAGE
        assert "Signed." in it.run("sign", file, "--key", str(tmp_path / "bo.json")).stdout
        assert "Nothing was changed" in it.run(*submit).stdout
        assert f"signed by {bo.pubkey()}" in it.run(*submit).stdout
        sent = it.run(*submit, "--execute", "--json")
        assert sent.exit_code == ExitCode.DONE, sent.output
        assert _fees(json.loads(sent.stdout)["evidence"]) == SIGNATURE_FEE
        assert "done already" in it.run(*submit, "--execute").stderr
        done = it.run(*upgrade)
        assert done.exit_code == ExitCode.DONE, done.output

        kept = it.run("retire", "development", *as_ana)
        assert kept.exit_code == ExitCode.DONE, kept.output
        assert "Nothing is due." in kept.stdout
        assert f"back to {program_hash(_ONE)} (version 1.0.0)" in kept.stdout
        (one,) = json.loads(it.run("retire", "development", *as_ana, "--json").stdout)
        assert one["proposal"] == 1
        planned = it.run("retire", "development", *as_ana, "--now")
        assert planned.exit_code == ExitCode.PENDING, planned.stdout

        assert "beside that" not in it.run("rollback", "development", *as_ana).stdout
        back = it.run("rollback", "development", *as_ana, "--execute")
        assert back.exit_code == ExitCode.DONE, back.output
        shown = json.loads(it.run("show", "development", "--json").stdout)
        assert shown["hash"] == program_hash(_ONE)


def test_recover_names_what_the_vault_holds(tmp_path: Path) -> None:
    """Its buffers are no key's to close."""
    chain, ana, bo = SquadsChain(), Keypair(), Keypair()
    with project(tmp_path, chain=chain) as it:
        assert it.deploy(_ONE).exit_code == ExitCode.DONE
        it.endpoint.between_blocks(lambda: _hand_over(it, chain, ana, bo))
        assert "in the hands of" not in it.run("recover", "development").stdout
        as_ana = (*_OWNER, "--member", str(it.key("ana.json", ana)))
        next_ = str(it.build("next.so", _TWO))
        upgrade = ("upgrade", "development", next_, "--version", "1.1.0")
        asked = it.run(*upgrade, *as_ana, "--execute")
        assert asked.exit_code == ExitCode.PENDING, asked.output
        said = it.run("recover", "development").stdout
        assert "1 buffer, 0.00" in said
        assert f"in the hands of {vault_address(_MULTISIG)}, who owns the program" in said


def test_members_change_what_is_not_bytes(tmp_path: Path) -> None:
    """Each plan says who decides and what asking them costs; no vote where nobody has to agree."""
    chain, ana, bo = OtterChain(), Keypair(), Keypair()
    with project(tmp_path, chain=chain) as it:
        assert it.deploy(_ONE).exit_code == ExitCode.DONE
        it.endpoint.between_blocks(lambda: _hand_over(it, chain, ana, bo))
        as_ana = (*_OWNER, "--member", str(it.key("ana.json", ana)))
        idl = tmp_path / "idl.json"
        idl.write_text(json.dumps(document(it.program.pubkey())), encoding="utf-8")
        origin = ("--repository", URL, "--commit", COMMIT, "--build-args", ARGS)
        for words, said in (
            (("authority", "development", "--new-address", str(bo.pubkey())), "Hand over"),
            (("close", "development"), "for good;"),
            (("record", "development", *origin), "Write the verify record"),
            (("idl", "publish", "development", str(idl)), "Put the IDL in place"),
        ):
            planned = it.run(*words, *as_ana)
            assert planned.exit_code == ExitCode.DONE, planned.output
            assert said in planned.stdout
            assert f"2 of 2 members decide, no time lock: {ana.pubkey()}" in planned.stdout
            assert "1 proposal: rent 0.0" in planned.stdout
            assert "in all, and beside that what the members take." in planned.stdout
        extended = it.run("extend", "development", "--to", "20000", *as_ana, "--execute")
        assert extended.exit_code == ExitCode.DONE, extended.output
        assert chain.state(_MULTISIG).index == 0
        refused = it.run("close", "development", *as_ana, "--execute")
        assert refused.exit_code == ExitCode.USAGE
        assert "close" in refused.stderr


def test_a_rollback_by_hash_version_and_file(tmp_path: Path) -> None:
    """What is not kept is refused, with what is; a file of another program, too."""
    with project(tmp_path) as it:
        assert it.deploy(_ONE).exit_code == ExitCode.DONE
        assert it.upgrade(_TWO).exit_code == ExitCode.DONE
        unknown = it.run("rollback", "development", "--to", "9.9.9")
        assert unknown.exit_code == ExitCode.FAILED
        assert "no saved program is 9.9.9; there are: 1." in unknown.stderr
        other = str(it.build("other.so", program(3, 500)))
        wrong = it.run("rollback", "development", "--to", program_hash(_ONE), "--file", other)
        assert "which is not" in wrong.stderr
        given = it.run("rollback", "development", "--file", str(tmp_path / "program.so"))
        assert f"Back to {program_hash(_ONE)} (version 1.0.0)" in given.stdout
