"""A vote that is signed without a network says what it is, and nothing else gets signed."""

from base64 import b64encode
from pathlib import Path

import pytest
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.system_program import (
    AdvanceNonceAccountParams,
    TransferParams,
    advance_nonce_account,
    transfer,
)

from environments.model import Cluster
from scripts.exits import ExitCode
from scripts.program.choices import Choice
from scripts.program.multisig import offline, squads, words
from scripts.program.multisig.offline import Exported, OfflineError
from scripts.program.multisig.squad import asked, read_multisig
from scripts.program.multisig.squads import Status
from tests.scripts.program.multisig.scene import ANA, BO, CEM, MULTISIG, OLD, Scene, scene

NONCE = Pubkey.from_bytes(bytes([99] * 32))


def exported(there: Scene, member: Keypair, choice: Choice = Choice.APPROVE) -> Exported:
    """The member's vote on the first proposal, with what the exporter saw."""
    world = there.world(OLD)
    multisig = world.wait(read_multisig(world.node, there.squad))
    one = world.wait(asked(world.node, there.squad, 1))
    return world.wait(
        offline.export(
            world.node,
            cluster=Cluster.LOCALNET,
            multisig=MULTISIG,
            index=1,
            choice=choice,
            member=member.pubkey(),
            nonce=NONCE,
            told=world.wait(words.told(world.node, one, multisig)),
        )
    )


def test_a_vote_is_signed_elsewhere_and_counts(tmp_path: Path) -> None:
    """Long after it was exported: the nonce stays good. Sent twice, it counts once."""
    with scene(tmp_path) as there:
        assert there.upgrade().code == ExitCode.PENDING
        there.chain.make_nonce(NONCE, BO.pubkey())
        path = tmp_path / "vote.json"
        offline.write(path, exported(there, BO))
        there.chain.advance(1000)

        offline.write(path, offline.sign(offline.read(path), BO))
        signed = offline.signed_transaction(offline.read(path))
        world = there.world(OLD)
        slot = world.wait(offline.send(world.node, signed))
        assert slot == world.wait(offline.send(world.node, signed))
        assert there.status(1) is Status.APPROVED
        with pytest.raises(OfflineError, match="nonce was used"):
            world.wait(
                offline.send(
                    world.node,
                    offline.signed_transaction(
                        offline.sign(
                            offline.read(path).model_copy(
                                update={"message": _cancelled(signed.message)}
                            ),
                            BO,
                        )
                    ),
                )
            )


def _cancelled(message: object) -> str:
    """Another vote on the same nonce, as it was."""
    assert isinstance(message, Message)
    advance = message.instructions[0]
    keys = message.account_keys
    again = Message.new_with_blockhash(
        [
            advance_nonce_account(
                AdvanceNonceAccountParams(
                    nonce_pubkey=keys[advance.accounts[0]], authorized_pubkey=BO.pubkey()
                )
            ),
            squads.cancel(multisig=MULTISIG, index=1, member=BO.pubkey()),
        ],
        BO.pubkey(),
        message.recent_blockhash,
    )
    return b64encode(bytes(again)).decode()


def test_the_signer_reads_what_is_signed(tmp_path: Path) -> None:
    """From the message itself, and beside it what the exporter saw: the hash in the buffer."""
    with scene(tmp_path) as there:
        there.upgrade()
        there.chain.make_nonce(NONCE, CEM.pubkey())
        made = exported(there, CEM, Choice.REJECT)
        said = "\n".join(offline.described(made))
        assert f"rejects proposal account {squads.proposal_address(MULTISIG, 1)}" in said
        assert f"signed by {CEM.pubkey()}" in said
        assert f"upgrades {there.simulation.program} from buffer" in said
        assert "which holds" in said


def test_only_the_member_can_sign(tmp_path: Path) -> None:
    """And only their own vote, on a nonce account of theirs, which was signed."""
    with scene(tmp_path) as there:
        there.upgrade()
        with pytest.raises(OfflineError, match="no nonce account"):
            exported(there, BO)
        there.chain.make_nonce(NONCE, BO.pubkey())
        with pytest.raises(OfflineError, match="obeys"):
            exported(there, CEM)
        made = exported(there, BO)
        with pytest.raises(OfflineError, match="has to sign"):
            offline.sign(made, ANA)
        with pytest.raises(OfflineError, match="nobody signed"):
            offline.signed_transaction(made)
        foreign = made.model_copy(update={"signature": str(ANA.sign_message(b"x"))})
        with pytest.raises(OfflineError, match="is not"):
            offline.signed_transaction(foreign)
        with pytest.raises(OfflineError, match="read"):
            offline.signed_transaction(made.model_copy(update={"signature": "?"}))
        with pytest.raises(OfflineError, match="mainnet-beta"):
            offline.check_cluster(made, Cluster.MAINNET_BETA)


def test_what_is_no_vote_is_not_signed() -> None:
    """A transfer in a vote's clothes, two members' signatures, or no message at all."""
    steal = transfer(
        TransferParams(from_pubkey=BO.pubkey(), to_pubkey=ANA.pubkey(), lamports=10**9)
    )
    vote = squads.approve(multisig=MULTISIG, index=1, member=BO.pubkey())
    for instructions in ([steal], [vote], [steal, vote], [vote, steal]):
        message = Message(instructions, BO.pubkey())
        file = Exported(
            cluster=Cluster.LOCALNET,
            member=str(BO.pubkey()),
            told=(),
            message=b64encode(bytes(message)).decode(),
        )
        with pytest.raises(OfflineError, match="do not sign"):
            offline.sign(file, BO)
    broken = Exported(cluster=Cluster.LOCALNET, member=str(BO.pubkey()), told=(), message="AAAA")
    with pytest.raises(OfflineError):
        offline.sign(broken, BO)


def test_a_file_that_is_no_vote_is_refused(tmp_path: Path) -> None:
    """With where it is wrong."""
    with pytest.raises(OfflineError, match="cannot be read"):
        offline.read(tmp_path / "nothing.json")
    path = tmp_path / "other.json"
    path.write_text('{"slipway": "vote-2"}', encoding="utf-8")
    with pytest.raises(OfflineError, match="slipway"):
        offline.read(path)
