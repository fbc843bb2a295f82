"""Every byte that goes to Otter Verify, and comes from it, is as its public source has it."""

from collections.abc import Callable
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from scripts.program.multisig.message import MessageError
from scripts.program.record import otter
from scripts.program.record.origin import Origin, RecordError
from scripts.program.record.otter import OTTER, Params
from tests.scripts.program.record.program import INITIALIZE, UPDATE

PROGRAM = Pubkey.from_string("PhoeNiXZ8ByJGLkxNfZRnkUfjvmuYqLR89jjFHGqdXY")
SIGNER = Pubkey.from_string("9VWiUUhgNoRwTH5NVehYJEDwcotwYX3VgW4MChiHPAqU")
URL = "https://github.com/Ellipsis-Labs/phoenix-v1"
COMMIT = "a630c42962872ae9adac924151948bb17d87174d"
ARGS = "--library-name phoenix --mount-path programs/phoenix"
PARAMS = Origin.read(URL, COMMIT, ARGS).params(1_234_567_890)
BORSH = (
    b"\x06\0\0\0000.4.15"
    b"\x2b\0\0\0" + URL.encode() + b"\x28\0\0\0" + COMMIT.encode() + b"\x04\0\0\0"
    b"\x0e\0\0\0--library-name\x07\0\0\0phoenix"
    b"\x0c\0\0\0--mount-path\x10\0\0\0programs/phoenix"
    b"\xd2\x02\x96\x49\0\0\0\0"
)  # fmt: skip
TAG = sha256(b"account:BuildParams").digest()[:8]
texts = st.text(max_size=40)
params = st.builds(
    Params,
    version=texts,
    git_url=texts,
    commit=texts,
    args=st.lists(texts, max_size=6).map(tuple),
    slot=st.integers(0, 2**64 - 1),
)


@pytest.mark.parametrize(
    ("write", "begins"), [(otter.initialize, INITIALIZE), (otter.update, UPDATE)]
)
def test_an_instruction_is_as_solana_verify_sends_it(
    write: Callable[[Pubkey, Pubkey, Params], Instruction], begins: bytes
) -> None:
    """Tag, borsh, and the accounts: the record, who signs, the program, the system program."""
    made = write(PROGRAM, SIGNER, PARAMS)
    assert made.program_id == OTTER
    assert made.data == begins + BORSH
    seeds = [b"otter_verify", bytes(SIGNER), bytes(PROGRAM)]
    assert [(one.pubkey, one.is_signer, one.is_writable) for one in made.accounts] == [
        (Pubkey.find_program_address(seeds, OTTER)[0], False, True),
        (SIGNER, True, True),
        (PROGRAM, False, False),
        (Pubkey.default(), False, False),
    ]


def test_a_record_is_read_as_the_program_keeps_it() -> None:
    """Behind the tag of its struct and two addresses; its size is what the program reckons."""
    bump = b"\xff"
    data = TAG + bytes(PROGRAM) + bytes(SIGNER) + BORSH + bump
    assert otter.parse_record(data) == PARAMS
    assert len(data) == PARAMS.space
    with pytest.raises(MessageError, match="no record"):
        otter.parse_record(bytes(8) + data[8:])
    with pytest.raises(MessageError):
        otter.parse_record(data[:-20])


@given(params)
def test_what_is_written_is_what_is_read(said: Params) -> None:
    """Whatever the texts are."""
    assert otter.parse_instruction(otter.update(PROGRAM, SIGNER, said).data) == said


@given(st.binary(max_size=300))
def test_bytes_that_are_no_record_are_refused(data: bytes) -> None:
    """With an error of our own, not of a struct."""
    with pytest.raises(MessageError):
        otter.parse_instruction(data)
    with pytest.raises(MessageError):
        otter.parse_record(TAG + data[:60])


@pytest.mark.parametrize(
    ("url", "commit", "args", "said"),
    [
        ("git@github.com:a/b.git", COMMIT, ARGS, "https:// address"),
        ("https://ana:token@github.com/a/b", COMMIT, ARGS, "user or a password"),
        (URL, "main", ARGS, "git rev-parse HEAD"),
        (URL, COMMIT[:12], ARGS, "git rev-parse HEAD"),
        (URL, COMMIT, "--mount-path programs/a", "lacks --library-name NAME"),
        (URL, COMMIT, "--library-name", "lacks its value"),
        (URL, COMMIT, "--skip-build --library-name a", "--skip-build is no argument"),
        (URL, COMMIT, "--library-name 'a", "No closing quotation"),
    ],
)
def test_a_source_that_nobody_could_build_is_refused(
    url: str, commit: str, args: str, said: str
) -> None:
    """What is wrong, and what to give."""
    with pytest.raises(RecordError, match=said):
        Origin.read(url, commit, args)


def test_arguments_of_cargo_stay_as_they_are() -> None:
    """Behind two dashes, as solana-verify has them."""
    origin = Origin.read(URL, COMMIT, "--library-name a --bpf -- --features mainnet")
    assert origin.args == ("--library-name", "a", "--bpf", "--", "--features", "mainnet")
