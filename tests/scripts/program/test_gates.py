"""Each gate opens for what the standards ask, and for nothing less."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from environments.model import Cluster
from scripts.program.candidate import Candidate, SizeLimit
from scripts.program.choices import Kind
from scripts.program.gates import AFTERWARDS, GATES, judge
from scripts.program.proofs import Found, Proof, ProofError, problem, prove, read_proofs
from scripts.program.soak import Soak
from scripts.program.source import StandIn
from scripts.runs.approvers import SIGN_OFFS, Role
from scripts.runs.canonical import digest
from scripts.runs.evidence import Bundle, Change
from scripts.runs.journal import GENESIS, Entry, Head
from scripts.runs.times import stamp
from standards import Tier, figure
from tests.scripts.runs.people import approvers, key

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HASH = "ab" * 32
OTHER = "cd" * 32
SOL = 10**9


def proof(kind: Kind, *, at: datetime = NOW, program: str = HASH, **figures: int) -> Proof:
    """A proof as its command writes it, signed by who may."""
    by, role = ("Cem", Role.SECURITY) if kind is Kind.AUDIT else ("Ben", Role.ENGINEERING)
    found = Found(output=b"ok", figures=figures, rebuilt=program if kind is Kind.BUILD else None)
    return prove(kind, found, program=program, at=at, by=by, role=role, signer=key(by))


def measured(figures: dict[str, int], read: tuple[str, ...] = ()) -> Proof:
    """A proof of what instructions and transactions take."""
    found = Found(output=b"ok", command="./measure", figures=figures, read=read)
    return prove(
        Kind.COMPUTE, found, program=HASH, at=NOW, by="Ben", role=Role.ENGINEERING,
        signer=key("Ben"),
    )  # fmt: skip


def deployed(cluster: Cluster, *, ended: datetime = NOW, program: str = HASH) -> Bundle:
    """Evidence of a deployment of these bytes."""
    entry = Entry.model_construct(
        journal="x", sequence=1, previous=GENESIS, at=stamp(ended), by="Ana", run="r1",
        kind="run.started", data={"inputs": {"cluster": cluster.value}}, hash="0" * 64,
    )  # fmt: skip
    return Bundle.model_construct(
        run="r1", who="Ana", what="program deploy", started=ended, ended=ended, where="x",
        tier=Tier.INTEGRATION, host="h", how="1", plan="0" * 64, change=Change.NORMAL,
        repeatable=False, costs={}, approvals=(), outcome="done", hashes={"program": program},
        entries=(entry,), head=Head(sequence=1, hash="0" * 64),
    )  # fmt: skip


COMPUTE: dict[str, int] = {
    "instruction_compute_units": figure("SOL-18", "compute_units_per_instruction_below").count - 1,
    "transaction_bytes": figure("SOL-18", "transaction_size_below_bytes").bytes - 1,
    "trade_compute_units": figure("PM-03", "compute_units_per_trade_max").count,
    "batch_compute_units": figure("PM-03", "compute_units_per_batch_below").count - 1,
}
SOAKED = NOW - timedelta(hours=figure("SOL-04", "soak_min_hours").hours)

NEWER = ("read", "rebuilt")
LATE = SOAKED + timedelta(seconds=1)

GOOD = Candidate(
    cluster=Cluster.MAINNET_BETA,
    program=HASH,
    size=figure("SOL-08", "binary_size_below_kilobytes").bytes - 1,
    checksum=OTHER,
    recorded_checksum=OTHER,
    version="1.2.3",
    balance=figure("SOL-07", "balance_min_sol").count * SOL,
    at=NOW,
    proofs=(
        proof(Kind.TESTS),
        proof(Kind.BUILD),
        measured(COMPUTE),
        proof(Kind.AUDIT, at=NOW - timedelta(days=90), critical_findings_count=0),
    ),
    approvers=approvers(),
    stand_ins=(),
    tag_problem="",
    earlier=(deployed(Cluster.LOCALNET), deployed(Cluster.DEVNET, ended=SOAKED)),
    has_multisig=True,
    signed_off=SIGN_OFFS,
    soaks=(Soak(deployed=SOAKED, hash=HASH, slot=7, since=SOAKED),),
    smoke=OTHER,
    stranger="",
)


def without(kind: Kind, *others: Proof) -> Candidate:
    """The good candidate with `others` in the place of its proof of `kind`."""
    kept = [one for one in GOOD.proofs if one.statement.kind is not kind]
    return replace(GOOD, proofs=(*kept, *others))


def closed(candidate: Candidate) -> list[str]:
    """The requirements of the gates that are not passed."""
    return [gate.requirement for gate in judge(candidate) if not gate.passed]


def test_what_is_ready_passes_every_gate() -> None:
    """On each cluster; mainnet has the most gates."""
    for cluster in Cluster:
        assert closed(replace(GOOD, cluster=cluster)) == []
    assert len(judge(GOOD)) == len(GATES)
    assert len(judge(replace(GOOD, cluster=Cluster.LOCALNET))) == 3


BROKEN: list[tuple[Candidate, str]] = [
    (replace(GOOD, version=None), "ART-01"),
    (replace(GOOD, version="1.2"), "ART-01"),
    (replace(GOOD, version="01.2.3"), "ART-01"),
    (replace(GOOD, recorded_checksum=None), "ART-04"),
    (replace(GOOD, recorded_checksum=HASH), "ART-04"),
    (replace(GOOD, size=GOOD.size + 1), "SOL-08"),
    (replace(GOOD, limit=SizeLimit(size=GOOD.size, because="maths")), "SOL-08"),
    (replace(GOOD, balance=GOOD.balance - 1), "SOL-07"),
    (without(Kind.TESTS), "SOL-02"),
    (without(Kind.TESTS, proof(Kind.TESTS, program=OTHER)), "SOL-02"),
    (without(Kind.TESTS, proof(Kind.TESTS, at=NOW - timedelta(hours=48, seconds=1))), "SOL-02"),
    (without(Kind.TESTS, proof(Kind.TESTS, at=NOW + timedelta(hours=1))), "SOL-02"),
    (without(Kind.BUILD), "SOL-09"),
    (without(Kind.AUDIT), "SEC-04"),
    (without(Kind.AUDIT, proof(Kind.AUDIT)), "SEC-04"),
    (without(Kind.AUDIT, proof(Kind.AUDIT, critical_findings_count=1)), "SEC-04"),
    (without(Kind.COMPUTE), "SOL-18"),
    (without(Kind.COMPUTE, measured({"transaction_bytes": 100})), "SOL-18"),
    *(
        (without(Kind.COMPUTE, measured({**COMPUTE, name: most + 1})), "SOL-18")
        for name, most in COMPUTE.items()
    ),
    (replace(GOOD, stand_ins=None), "QA-11"),
    (replace(GOOD, stand_ins=(StandIn("lib.rs", 7, "a placeholder"),)), "QA-11"),
    (replace(GOOD, tag_problem=None), "ART-13"),
    (replace(GOOD, tag_problem="the commit has no tag"), "ART-13"),
    (replace(GOOD, has_multisig=False), "SOL-13"),
    (replace(GOOD, signed_off=SIGN_OFFS - {Role.LEGAL}), "GATE-05"),
    (replace(GOOD, stranger="nobody knows Zoe"), "AUD-01"),
    (replace(GOOD, smoke=""), "SOL-15"),
    (replace(GOOD, owed=("the run r0 owes its approval",)), "PIPE-11"),
    *(
        (replace(GOOD, soaks=soaks), "SOL-04")
        for soaks in (
            (),
            (Soak(deployed=LATE, hash=HASH, since=SOAKED),),
            (Soak(deployed=SOAKED, hash=HASH, since=LATE),),
            (Soak(deployed=SOAKED, hash=OTHER, since=SOAKED),),
            (Soak(deployed=SOAKED),),
            (Soak(deployed=LATE, unasked="no answer"),),
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize("place", range(len(BROKEN)))
def test_one_thing_missing_closes_one_gate(place: int) -> None:
    """Which says what there is, and how to pass it."""
    candidate, requirement = BROKEN[place]
    assert closed(candidate) == [requirement]
    (gate,) = (one for one in judge(candidate) if not one.passed)
    assert gate.found
    assert gate.how


def test_a_cluster_waits_for_the_one_before() -> None:
    """With the same bytes: evidence of others, or of another cluster, does not count."""
    for cluster, before in (
        (Cluster.DEVNET, Cluster.LOCALNET),
        (Cluster.MAINNET_BETA, Cluster.DEVNET),
    ):
        good = replace(GOOD, cluster=cluster, earlier=(deployed(before, ended=SOAKED),))
        assert closed(good) == []
        for wrong in (
            (),
            (deployed(before, ended=SOAKED, program=OTHER),),
            (deployed(cluster, ended=SOAKED),),
        ):
            assert "SOL-01" in closed(replace(good, earlier=wrong))


def test_a_product_may_justify_a_larger_binary() -> None:
    """The reason stands in the record."""
    larger = replace(GOOD, size=300_000, limit=SizeLimit(size=400_000, because="a large verifier"))
    assert closed(larger) == []
    assert any("a large verifier" in gate.found for gate in judge(larger))


def test_a_first_deployment_needs_no_multisig_yet() -> None:
    """Its authority is handed over afterwards, as it says."""
    first = replace(GOOD, has_multisig=False, is_first=True)
    assert closed(first) == []
    assert any("handed over" in gate.found for gate in judge(first))


def test_an_emergency_skips_only_what_the_standards_let_it() -> None:
    """And says so; everything else stays closed."""
    nothing = Candidate(
        cluster=Cluster.MAINNET_BETA, size=10**9, checksum=HASH, recorded_checksum=None,
        version=None, balance=0, at=NOW, owed=("the run r0 owes its approval",),
    )  # fmt: skip
    asked = {gate.requirement: gate for gate in judge(nothing)}
    emergency = {gate.requirement: gate for gate in judge(nothing, emergency=True)}
    assert not any(gate.passed for gate in asked.values())
    skipped = {one for one, gate in emergency.items() if gate.passed}
    assert skipped == set(AFTERWARDS)
    assert all(emergency[one].skipped == AFTERWARDS[one] for one in skipped)


@pytest.mark.parametrize(
    ("soak", "said"),
    [
        (
            Soak(deployed=SOAKED, unasked="no answer"),
            "it still runs was not seen (no answer)",
        ),
        (Soak(deployed=SOAKED, hash=HASH, slot=7), "by the evidence, runs there since slot 7"),
        (Soak(deployed=SOAKED, hash=OTHER, slot=7), f"devnet runs {OTHER} now, since slot 7"),
    ],
)
def test_a_soak_says_what_devnet_said_of_it(soak: Soak, said: str) -> None:
    """What could not be seen is named, whether it passes or not."""
    (gate,) = (one for one in judge(replace(GOOD, soaks=(soak,))) if one.requirement == "SOL-04")
    assert said in gate.found


def test_a_gate_names_what_it_was_passed_on() -> None:
    """The hashes of proofs and evidence, and which figures a person typed."""
    made = measured(COMPUTE, read=("transaction_bytes",))
    gates = {one.requirement: one for one in judge(without(Kind.COMPUTE, made))}
    assert gates["SOL-18"].on == (made.hash,)
    assert all(gates[one].on for one in ("SOL-01", "SOL-02", "SOL-09", "SEC-04"))
    typed = gates["SOL-18"].found.partition("typed by hand: ")[2].split(", ")
    assert typed == sorted({*COMPUTE} - {"transaction_bytes"})
    assert "with `./measure`" in gates["SOL-18"].found


@pytest.mark.parametrize("requirement", AFTERWARDS)
def test_without_approvers_no_proof_counts(requirement: str) -> None:
    """Nor in an emergency."""
    for emergency in (False, True):
        found = judge(replace(GOOD, approvers=None), emergency=emergency)
        closed_ = {gate.requirement for gate in found if not gate.passed}
        assert closed_ == {"SOL-02", "SOL-09", "SOL-18", "SEC-04"}
        assert requirement not in closed_


def test_a_proof_is_written_and_read(tmp_path: Path) -> None:
    """The same, from a file or a folder; a changed byte is told."""
    made = proof(Kind.TESTS)
    made.write(tmp_path / "tests.json")
    assert read_proofs([tmp_path]) == read_proofs([tmp_path / "tests.json"]) == [made]
    text = (tmp_path / "tests.json").read_text(encoding="utf-8")
    (tmp_path / "tests.json").write_text(text.replace(HASH, OTHER), encoding="utf-8")
    (changed,) = read_proofs([tmp_path])
    assert "changed" in problem(changed, approvers(), program=OTHER, at=NOW)
    (tmp_path / "tests.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ProofError, match="no proof"):
        read_proofs([tmp_path])
    with pytest.raises(ProofError, match="No such file"):
        read_proofs([tmp_path / "nothing.json"])


def test_an_audit_that_was_signed_before_still_holds() -> None:
    """What later statements say besides is no part of what was signed then."""
    made = proof(Kind.AUDIT, critical_findings_count=0)
    said = made.statement.model_dump(mode="json")
    assert made.hash == digest({name: said[name] for name in said if name not in NEWER})


def test_a_proof_counts_only_from_who_answers_for_it() -> None:
    """Engineering does not sign an audit, whatever the file says; a stranger signs nothing."""
    made = proof(Kind.AUDIT, critical_findings_count=0)
    assert problem(made, approvers(), program=HASH, at=NOW) == ""
    forged = made.model_copy(
        update={
            "signatures": tuple(
                one.model_copy(update={"by": "Ben", "role": Role.ENGINEERING})
                for one in made.signatures
            )
        }
    )
    assert "nobody known" in problem(forged, approvers(), program=HASH, at=NOW)
