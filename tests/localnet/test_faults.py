"""Tests of the faults: written, drawn from a seed, and what each does."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import TransferParams, transfer

from localnet.chain import Chain
from localnet.clock import FINALIZED_LAG
from localnet.faults import Dice, Faults, FaultsError
from localnet.transactions import id_of
from tests.localnet.programs import MEMO, SOL, Wallet

_SHARES = st.floats(min_value=0, max_value=1)


@given(
    st.builds(
        Faults,
        seed=st.integers(),
        drop=_SHARES,
        fork=_SHARES,
        limit=_SHARES,
        fork_slots=st.integers(min_value=1, max_value=31),
    )
)
def test_faults_are_read_as_they_are_written(faults: Faults) -> None:
    """Every one, with its seed."""
    assert Faults.parse(str(faults)) == faults


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dropp=0.3", "'dropp' is no fault; there are seed, drop"),
        ("drop", "drop is a share"),
        ("drop=often", "drop is a share"),
        ("drop=1.5", "between 0 and 1"),
        ("drop=nan", "between 0 and 1"),
        ("drop=0.1,drop=0.2", "twice"),
        ("fork_slots=0", "between 1 and 31"),
        ("behind_slots=40", "between 1 and 31"),
        ("seed=x", "a whole number"),
        ("retry_after=-1", "at least 0"),
    ],
)
def test_wrong_faults_are_refused(text: str, said: str) -> None:
    """With what is allowed."""
    with pytest.raises(FaultsError, match=said):
        Faults.parse(text)


def test_a_seed_brings_the_same_draws_in_any_order() -> None:
    """What overlaps in time does not change what happens to each."""
    hits = [bytes([number]) for number in range(200)]
    draws = [
        {hit: dice.happens("drop", 0.3, hit) for hit in order}
        for dice, order in ((Dice(Faults(seed=5)), hits), (Dice(Faults(seed=5)), hits[::-1]))
    ]
    assert draws[0] == draws[1]
    assert draws[0] != {hit: Dice(Faults(seed=6)).happens("drop", 0.3, hit) for hit in hits}


def test_shares_are_kept() -> None:
    """Over many draws, and over many draws for one and the same."""
    dice = Dice(Faults())
    many = sum(
        dice.happens("drop", 0.3, bytes([number % 250, number // 250])) for number in range(5000)
    )
    one = sum(dice.happens("delay", 0.3, b"") for _ in range(5000))
    assert 1350 < many < 1650
    assert 1350 < one < 1650
    assert dice.tally == {"drop": many, "delay": one}


def _landed(faults: Faults, count: int = 40) -> list[int | None]:
    """For each of `count` transactions the number of slots after which it landed."""
    wallet = Wallet(Chain())
    chain = wallet.chain
    chain.dice.faults = faults
    sent: list[tuple[int, Signature]] = []
    for number in range(count):
        pay = TransferParams(
            from_pubkey=wallet.key, to_pubkey=Pubkey.default(), lamports=10**7 + number
        )
        sent.append((chain.blocks.newest.slot, chain.submit(wallet.sign(transfer(pay)))))
        chain.advance()
    chain.advance(40)
    found = {id_of(each.transaction): each.block.slot for each in chain.records.values()}
    return [found[each] - slot if each in found else None for slot, each in sent]


def test_dropped_transactions_never_land() -> None:
    """The others land at once."""
    landed = _landed(Faults(drop=0.4, seed=1))
    assert set(landed) == {None, 1}
    assert _landed(Faults(drop=0.4, seed=1)) == landed


def test_delayed_transactions_land_late() -> None:
    """By at most so many slots."""
    landed = _landed(Faults(delay=1, delay_slots=5))
    assert {each for each in landed if each} == {2, 3, 4, 5, 6}


def test_duplicated_transactions_land_once() -> None:
    """What each pays is paid once."""
    assert _landed(Faults(duplicate=1)) == [1] * 40


def test_forks_lose_transactions_for_good() -> None:
    """Whoever sent them has to notice, and replays them from the same seed."""
    landed = _landed(Faults(fork=0.2, seed=3))
    assert None in landed
    assert 1 in landed
    assert _landed(Faults(fork=0.2, seed=3)) == landed


@given(seed=st.integers(0, 10**6), share=st.sampled_from([0.0, 0.1, 0.3]))
@settings(max_examples=15)
def test_no_lamport_appears_or_is_lost(seed: int, share: float) -> None:
    """Whatever goes wrong, balances are what the transactions that landed make them."""
    wallet = Wallet(Chain())
    chain = wallet.chain
    chain.advance(FINALIZED_LAG)
    had, known = wallet.lamports, set(chain.records)
    chain.dice.faults = Faults(
        seed=seed, drop=share, delay=share, duplicate=share, fork=share, fork_slots=3
    )
    for number in range(40):
        pay = TransferParams(from_pubkey=wallet.key, to_pubkey=MEMO, lamports=SOL + number)
        chain.submit(wallet.sign(transfer(pay)))
        chain.advance()
    chain.dice.faults = Faults()
    chain.advance(40)
    landed = [record for signature, record in chain.records.items() if signature not in known]
    paid = sum(record.balances[0][0] - record.balances[1][0] for record in landed)
    moved = sum(record.balances[1][1] - record.balances[0][1] for record in landed)
    assert wallet.lamports == had - paid
    assert paid - moved == sum(record.fee for record in landed)
