"""Every byte that goes to Squads v4, and comes from it, is as its public IDL has it."""

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM

from scripts.program import loader
from scripts.program.multisig import squads
from scripts.program.multisig.message import MessageError, compiled, decode, encode
from scripts.program.multisig.squads import Permission, Status
from tests.scripts.program.multisig.program import widened

MULTISIG = Pubkey.from_string("7D1yxEX7uWEbPpj7SmuZRJS4u4LpZMHPqBP1yWvVXbFb")
MEMBER, OTHER, PROGRAM, BUFFER = (Pubkey.from_bytes(bytes([byte] * 32)) for byte in range(1, 5))
VAULT = squads.vault_address(MULTISIG)
UPGRADE = compiled(
    VAULT,
    [loader.upgrade(program=PROGRAM, buffer=BUFFER, authority=VAULT, spill=VAULT)],
)

TAGS = {
    "global:vault_transaction_create": (48, 250, 78, 168, 208, 226, 218, 211),
    "global:proposal_create": (220, 60, 73, 224, 30, 108, 79, 159),
    "global:proposal_approve": (144, 37, 164, 136, 188, 216, 42, 248),
    "global:proposal_reject": (243, 62, 134, 156, 230, 106, 246, 135),
    "global:proposal_cancel": (27, 42, 127, 237, 38, 163, 84, 203),
    "global:vault_transaction_execute": (194, 8, 161, 87, 153, 164, 25, 171),
    "account:Multisig": (224, 116, 121, 186, 68, 161, 79, 236),
    "account:Proposal": (26, 94, 189, 187, 116, 136, 53, 33),
    "account:VaultTransaction": (168, 250, 162, 100, 81, 14, 162, 207),
}
"""As the SDK that is generated from the IDL spells them out."""

ACCOUNTS: dict[str, tuple[Callable[[], Instruction], str]] = {
    "vault_transaction_create": (
        lambda: squads.create_transaction(
            multisig=MULTISIG, index=7, creator=MEMBER, message=UPGRADE
        ),
        "w multisig, w transaction, s creator, ws creator, system",
    ),
    "proposal_create": (
        lambda: squads.create_proposal(multisig=MULTISIG, index=7, creator=MEMBER),
        "multisig, w proposal, s creator, ws creator, system",
    ),
    "proposal_approve": (
        lambda: squads.approve(multisig=MULTISIG, index=7, member=MEMBER),
        "multisig, ws creator, w proposal",
    ),
    "proposal_reject": (
        lambda: squads.reject(multisig=MULTISIG, index=7, member=MEMBER),
        "multisig, ws creator, w proposal",
    ),
    "proposal_cancel": (
        lambda: squads.cancel(multisig=MULTISIG, index=7, member=MEMBER),
        "multisig, ws creator, w proposal",
    ),
    "vault_transaction_execute": (
        lambda: squads.execute(multisig=MULTISIG, index=7, member=MEMBER, message=UPGRADE),
        "multisig, w proposal, transaction, s creator",
    ),
}
"""The accounts of each instruction in the order of the IDL; what executes has those of its message
behind them."""

NAMES = {
    MULTISIG: "multisig",
    squads.transaction_address(MULTISIG, 7): "transaction",
    squads.proposal_address(MULTISIG, 7): "proposal",
    MEMBER: "creator",
    SYSTEM: "system",
}


def shown(metas: list[AccountMeta]) -> str:
    """Accounts as the table above has them."""
    kinds = [("w" if one.is_writable else "") + ("s" if one.is_signer else "") for one in metas]
    return ", ".join(
        f"{kind} {NAMES[one.pubkey]}".strip() for kind, one in zip(kinds, metas, strict=True)
    )


@pytest.mark.parametrize("name", TAGS)
def test_an_account_or_instruction_begins_as_the_idl_says(name: str) -> None:
    """With eight bytes of its name's hash."""
    kind, _, rest = name.partition(":")
    assert tuple(squads.tag(kind, rest)) == TAGS[name]


@pytest.mark.parametrize("name", ACCOUNTS)
def test_an_instruction_names_its_accounts_in_the_order_of_the_idl(name: str) -> None:
    """Who signs and what is written, as well."""
    make, expected = ACCOUNTS[name]
    instruction = make()
    assert instruction.program_id == squads.SQUADS
    assert tuple(instruction.data[:8]) == TAGS[f"global:{name}"]
    own = expected.count(",") + 1
    assert shown(list(instruction.accounts[:own])) == expected
    assert len(instruction.accounts) == own + (
        len(UPGRADE.accounts) if name == "vault_transaction_execute" else 0
    )


def test_where_accounts_lie() -> None:
    """The seeds of the program, one by one."""
    prefix, index = b"multisig", struct.pack("<Q", 258)
    own = bytes(MULTISIG)

    def found(*seeds: bytes) -> Pubkey:
        return Pubkey.find_program_address(list(seeds), squads.SQUADS)[0]

    assert squads.vault_address(MULTISIG, 3) == found(prefix, own, b"vault", b"\3")
    assert squads.transaction_address(MULTISIG, 258) == found(prefix, own, b"transaction", index)
    assert squads.proposal_address(MULTISIG, 258) == found(
        prefix, own, b"transaction", index, b"proposal"
    )


def test_a_transaction_is_written_as_the_idl_says() -> None:
    """Vault, no signers of the program's own, the message behind its length, and no memo."""
    data = squads.create_transaction(
        multisig=MULTISIG, index=7, creator=MEMBER, message=UPGRADE, vault_index=2
    ).data
    message = encode(UPGRADE)
    assert data[8:] == bytes([2, 0]) + struct.pack("<I", len(message)) + message + b"\0"


def test_a_message_is_written_as_the_program_reads_it() -> None:
    """Byte by byte: the counts, the accounts, the instructions with short lengths, no tables."""
    instruction = Instruction(
        PROGRAM,
        b"\xaa\xbb",
        [
            AccountMeta(OTHER, is_signer=False, is_writable=True),
            AccountMeta(VAULT, is_signer=True, is_writable=False),
            AccountMeta(BUFFER, is_signer=True, is_writable=False),
        ],
    )
    expected = (
        bytes([2, 1, 1, 4])
        + bytes(VAULT) + bytes(BUFFER) + bytes(OTHER) + bytes(PROGRAM)
        + bytes([1, 3, 3, 2, 0, 1]) + bytes([2, 0]) + b"\xaa\xbb"
        + b"\0"
    )  # fmt: skip
    assert encode(compiled(VAULT, [instruction])) == expected


def test_a_proposal_of_a_vote_is_open_at_once() -> None:
    """Its index, and that it is no draft; a vote has no memo."""
    data = squads.create_proposal(multisig=MULTISIG, index=258, creator=MEMBER).data
    assert data[8:] == struct.pack("<Q", 258) + b"\0"
    assert squads.approve(multisig=MULTISIG, index=1, member=MEMBER).data[8:] == b"\0"


def keys(count: int) -> list[Pubkey]:
    """Some addresses."""
    return [Pubkey.from_bytes(bytes([byte + 10] * 32)) for byte in range(count)]


metas = st.builds(
    AccountMeta, st.sampled_from(keys(6)), is_signer=st.booleans(), is_writable=st.booleans()
)
instructions = st.lists(
    st.builds(Instruction, st.sampled_from(keys(8)), st.binary(max_size=40), st.lists(metas)),
    min_size=1,
    max_size=4,
)


@given(instructions)
def test_what_members_read_is_what_is_executed(asked: list[Instruction]) -> None:
    """Nothing is lost, and nothing signs or writes but what asked to.

    Where one instruction asks more of an account than another, the message has the union.
    """
    message = compiled(VAULT, asked)
    assert message.accounts[0] == VAULT
    assert len(set(message.accounts)) == len(message.accounts)
    found = decode(widened(encode(message)))
    assert found == message
    union: dict[Pubkey, tuple[bool, bool]] = {VAULT: (True, True)}
    for one in asked:
        for meta in one.accounts:
            signs, writes = union.get(meta.pubkey, (False, False))
            union[meta.pubkey] = (signs or meta.is_signer, writes or meta.is_writable)
    for before, after in zip(asked, found.unpacked(), strict=True):
        assert (after.program_id, after.data) == (before.program_id, before.data)
        assert [one.pubkey for one in after.accounts] == [one.pubkey for one in before.accounts]
        for meta in after.accounts:
            assert (meta.is_signer, meta.is_writable) == union[meta.pubkey]


@given(st.binary(max_size=400))
def test_bytes_that_are_no_message_are_refused(data: bytes) -> None:
    """They never make anything else fail, nor a message that names accounts it does not hold."""
    try:
        message = decode(data)
    except MessageError:
        return
    assert all(
        place < len(message.accounts)
        for one in message.instructions
        for place in (one.program, *one.accounts)
    )


def test_a_multisig_is_read_as_the_idl_says() -> None:
    """With a rent collector and without, a member's rights, and room for more members behind."""
    for collector in (b"\0", b"\1" + bytes(OTHER)):
        data = (
            bytes(TAGS["account:Multisig"]) + bytes(MEMBER) + bytes(Pubkey.default())
            + struct.pack("<HIQQ", 2, 3600, 9, 4) + collector + b"\xff"
            + struct.pack("<I", 2) + bytes(MEMBER) + b"\7" + bytes(OTHER) + b"\2" + bytes(330)
        )  # fmt: skip
        found = squads.parse_multisig(data)
        assert (found.threshold, found.time_lock) == (2, 3600)
        assert (found.transaction_index, found.stale_index) == (9, 4)
        assert found.config_authority is None
        assert found.who(Permission.VOTE) == [MEMBER, OTHER]
        assert found.who(Permission.EXECUTE) == [MEMBER]


@pytest.mark.parametrize("status", Status)
def test_a_proposal_is_read_as_the_idl_says(status: Status) -> None:
    """Each status with the time since when it is; one of the old ones has none."""
    time = b"" if status is Status.EXECUTING else struct.pack("<q", 1_700_000_000)
    data = (
        bytes(TAGS["account:Proposal"]) + bytes(MULTISIG) + struct.pack("<Q", 9) + bytes([status])
        + time + b"\xfe" + struct.pack("<I", 1) + bytes(MEMBER) + struct.pack("<I", 0)
        + struct.pack("<I", 1) + bytes(OTHER)
    )  # fmt: skip
    found = squads.parse_proposal(data)
    assert (found.index, found.status) == (9, status)
    assert (found.approved, found.rejected, found.cancelled) == ((MEMBER,), (), (OTHER,))
    multisig = squads.Multisig(
        threshold=1,
        time_lock=60,
        transaction_index=9,
        stale_index=0,
        config_authority=None,
        members={},
    )
    ready = 1_700_000_060 if status is Status.APPROVED else None
    assert found.executable_at(multisig) == ready


def test_a_vault_transaction_is_read_as_the_idl_says() -> None:
    """What it will do is what was asked for."""
    data = (
        bytes(TAGS["account:VaultTransaction"]) + bytes(MULTISIG) + bytes(MEMBER)
        + struct.pack("<QBBB", 9, 255, 2, 254) + struct.pack("<I", 1) + b"\xfd"
        + widened(encode(UPGRADE))
    )  # fmt: skip
    found = squads.parse_transaction(data)
    assert (found.multisig, found.creator, found.index, found.vault_index) == (
        MULTISIG,
        MEMBER,
        9,
        2,
    )
    assert found.message == UPGRADE


@pytest.mark.parametrize(
    "parse", [squads.parse_multisig, squads.parse_proposal, squads.parse_transaction]
)
def test_an_account_of_another_kind_is_refused(parse: Callable[[bytes], object]) -> None:
    """And so is one that ends too early, whatever it begins with."""
    with pytest.raises(MessageError):
        parse(bytes(200))
    for name in ("Multisig", "Proposal", "VaultTransaction"):
        with pytest.raises(MessageError):
            parse(bytes(TAGS[f"account:{name}"]) + bytes(30))
