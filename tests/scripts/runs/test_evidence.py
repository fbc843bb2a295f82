"""Tests of evidence: what is genuine verifies, and everything else is told apart and named."""

import json
import random
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from scripts.cli import app
from scripts.runs.approvers import SIGN_OFFS, Role
from scripts.runs.canonical import canonical, digest
from scripts.runs.evidence import (
    About,
    Bundle,
    Change,
    Purpose,
    Signature,
    collect,
    hash_of,
    seal,
    sign,
    verify,
)
from scripts.runs.journal import GENESIS, Entry, JournalError
from scripts.runs.times import stamp
from standards import Tier, figure
from tests.scripts.runs.people import ROLES, approvers, key, write_approvers

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
END = START + timedelta(minutes=10)
SOON = END + timedelta(hours=1)
PLAN = digest("the plan")
SIGNING = {"Ben": Role.ENGINEERING, "Cem": Role.SECURITY, "Dee": Role.OPERATIONS,
           "Eli": Role.LEGAL, "Fay": Role.EXECUTIVE}  # fmt: skip
Content = dict[str, Any]


def signed(
    by: str, role: Role, subject: str, at: datetime, purpose: Purpose = Purpose.APPROVAL
) -> Signature:
    """A signature that is what it says."""
    return sign(key(by), purpose, subject, by=by, role=role, at=at)


def journal(ending: str = "run.done") -> list[Entry]:
    """One run of Ana's, after another one."""
    entries: list[Entry] = []
    started = {"plan": PLAN, "command": "program upgrade", "host": "ci", "version": "1.0.0"}
    told: list[tuple[str, str, dict[str, Any]]] = [
        ("r0", "run.done", {}),
        ("r1", "run.started", started),
        ("r1", "step.started", {"step": "write"}),
        ("r1", "step.done", {"step": "write", "fees_lamports": 5000}),
        ("r1", ending, {}),
    ]
    for sequence, (run, kind, data) in enumerate(told, 1):
        body = {
            "journal": "production/program",
            "sequence": sequence,
            "previous": entries[-1].hash if entries else GENESIS,
            "at": stamp(END if kind == ending else START),
            "by": "Ana",
            "run": run,
            "kind": kind,
            "data": data,
        }
        entries.append(Entry.model_validate({**body, "hash": digest(body)}))
    return entries


def approvals(people: dict[str, Role] = SIGNING, at: datetime = START) -> list[Signature]:
    """Approvals of the plan."""
    return [signed(by, role, PLAN, at) for by, role in people.items()]


def bundle(**changed: Any) -> Bundle:  # noqa: ANN401 - any field of About
    """What Ana's run did."""
    about: dict[str, Any] = {
        "tier": Tier.PRODUCTION,
        "change": Change.NORMAL,
        "repeatable": True,
        "hashes": {"program": digest("the program")},
        "costs": {"fees_lamports": 5000},
        "approvals": approvals(),
    }
    return collect(journal(), "r1", About(**about | changed))


def sealed(of: Bundle, more: dict[str, Role] | None = None) -> bytes:
    """The file, signed by Ana as the lead, and by `more` people."""
    people = {"Ana": Role.LEAD, **(more or {})}
    told = hash_of(of)
    return seal(
        of, [signed(by, role, told, END, Purpose.EVIDENCE) for by, role in people.items()]
    ).text()


@cache
def genuine() -> bytes:
    """A file with nothing wrong."""
    return sealed(bundle())


def problems(text: bytes, at: datetime = SOON) -> str:
    """What is wrong with the file."""
    return "\n".join(verify(text, approvers(), at=at).problems)


def test_genuine_evidence_verifies() -> None:
    """With all of its signatures, and its journal."""
    verdict = verify(genuine(), approvers(), at=SOON)
    assert (verdict.problems, verdict.outstanding) == ([], [])
    assert verdict.evidence
    assert [entry.sequence for entry in verdict.evidence.bundle.entries] == [2, 3, 4, 5]
    assert verdict.evidence.bundle.outcome == "done"


def flip(draw: random.Random, _: Content) -> bytes:
    """A bit of the file is another one."""
    text = bytearray(genuine())
    text[draw.randrange(len(text))] ^= 1 << draw.randrange(8)
    return bytes(text)


def lose(draw: random.Random, _: Content) -> bytes:
    """Bytes are missing."""
    at = draw.randrange(len(genuine()))
    return genuine()[:at] + genuine()[at + draw.randrange(1, 9) :]


def reformat(draw: random.Random, content: Content) -> bytes:
    """The same, spelt otherwise."""
    return json.dumps(content, indent=draw.randrange(4)).encode() + b"\n"


def drop_entry(draw: random.Random, content: Content) -> bytes:
    """A journal entry is missing, and the hash of the bundle made again."""
    del content["bundle"]["entries"][draw.randrange(4)]
    return rehashed(content)


def move_entries(draw: random.Random, content: Content) -> bytes:
    """Entries stand in another order."""
    entries = content["bundle"]["entries"]
    at = draw.randrange(3)
    entries[at], entries[at + 1] = entries[at + 1], entries[at]
    return rehashed(content)


def forge_journal(draw: random.Random, content: Content) -> bytes:
    """An entry is another one, and every hash from there on made again."""
    entries = content["bundle"]["entries"]
    entries[draw.randrange(4)]["data"]["forged"] = draw.random()
    for entry, before in zip(entries, [None, *entries], strict=False):
        entry["previous"] = before["hash"] if before else entry["previous"]
        entry["hash"] = digest({name: of for name, of in entry.items() if name != "hash"})
    content["bundle"]["head"]["hash"] = entries[-1]["hash"]
    return rehashed(content)


def change_fact(draw: random.Random, content: Content) -> bytes:
    """The bundle says something else."""
    facts: dict[str, object] = {"who": "Ben", "outcome": "failed", "tier": "staging", "costs": {},
             "ended": stamp(END + timedelta(days=draw.randrange(1, 9))), "hashes": {},
             "approvals": [], "change": "emergency", "repeatable": False}  # fmt: skip
    name = draw.choice(sorted(facts))
    content["bundle"][name] = facts[name]
    return rehashed(content)


def swap_signatures(draw: random.Random, content: Content) -> bytes:
    """Two people's approvals are each other's."""
    one, other = draw.sample(content["bundle"]["approvals"], 2)
    one["signature"], other["signature"] = other["signature"], one["signature"]
    return resigned(content)


def reuse_signature(draw: random.Random, content: Content) -> bytes:
    """A signature of one thing stands under another one."""
    approval = draw.choice(content["bundle"]["approvals"])
    content["signatures"].append(approval)
    return packed(content)


def stranger(draw: random.Random, content: Content) -> bytes:
    """Somebody signs whom nobody knows, as somebody or in somebody's place."""
    name = f"Mallory {draw.randrange(99)}"
    made = signed(name, Role.LEAD, content["hash"], END, Purpose.EVIDENCE).model_dump(mode="json")
    content["signatures"] = [made | {"by": draw.choice([name, "Ana"])}]
    return packed(content)


def change_signature(draw: random.Random, content: Content) -> bytes:
    """What a signature says of itself is another thing."""
    changes = {"role": "security", "at": stamp(START - timedelta(days=1)), "by": "Cem"}
    name = draw.choice(sorted(changes))
    content["signatures"][0][name] = changes[name]
    return packed(content)


def drop_sign_off(draw: random.Random, content: Content) -> bytes:
    """A sign-off is missing, though the lead signed it so."""
    del content["bundle"]["approvals"][draw.randrange(5)]
    return resigned(content)


def packed(content: Content) -> bytes:
    """The file with that content."""
    return canonical(content) + b"\n"


def rehashed(content: Content) -> bytes:
    """With the hash that belongs to the bundle."""
    return packed(content | {"hash": digest(content["bundle"])})


def resigned(content: Content) -> bytes:
    """As if Ana herself had made it."""
    made = signed("Ana", Role.LEAD, digest(content["bundle"]), END, Purpose.EVIDENCE)
    return rehashed(content | {"signatures": [made.model_dump(mode="json")]})


TAMPERS: list[Callable[[random.Random, Content], bytes]] = [
    flip, lose, reformat, drop_entry, move_entries, forge_journal, change_fact, swap_signatures,
    reuse_signature, stranger, change_signature, drop_sign_off,
]  # fmt: skip


@pytest.mark.parametrize("part", range(10))
def test_of_a_thousand_tampered_bundles_each_is_caught(part: int) -> None:
    """A hundred a part, each from its own seed."""
    content = json.loads(genuine())
    for seed in range(part * 100, part * 100 + 100):
        draw = random.Random(seed)  # noqa: S311 - for repetition, not for secrecy
        tamper = TAMPERS[seed % len(TAMPERS)]
        text = tamper(draw, deepcopy(content))
        assert text != genuine()
        assert problems(text), f"{tamper.__name__} with seed {seed}"


def test_every_byte_counts() -> None:
    """None can be another one, of any part of the file."""
    for place in range(0, len(genuine()), 7):
        changed = bytearray(genuine())
        changed[place] ^= 1
        assert problems(bytes(changed)), place


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (reformat, "not in canonical form"),
        (drop_entry, "journal: "),
        (swap_signatures, "the signature does not match"),
        (drop_sign_off, "4 of 5 sign-offs (GATE-05): missing from "),
    ],
)
def test_what_is_wrong_is_named(
    tamper: Callable[[random.Random, Content], bytes], said: str
) -> None:
    """So that people know what to do."""
    assert said in problems(tamper(random.Random(1), json.loads(genuine())))  # noqa: S311


def test_evidence_expires_unless_it_is_of_one_thing() -> None:
    """After the standard's hours; an audit holds for its artifact, and has to name it."""
    most = timedelta(hours=figure("GATE-06", "evidence_age_max_hours").hours)
    assert problems(genuine(), END + most) == ""
    assert "it has expired" in problems(genuine(), END + most + timedelta(seconds=1))
    assert problems(sealed(bundle(repeatable=False)), END + most * 2) == ""
    nameless = sealed(bundle(repeatable=False, hashes={}))
    assert "names no artifact" in problems(nameless)
    assert "yet to come" in problems(genuine(), START)


def test_a_signer_needs_the_role_and_a_key_in_force() -> None:
    """At the time of the signature."""
    wrong = approvals(SIGNING | {"Ben": Role.LEGAL})
    assert "may sign as engineering only" in problems(sealed(bundle(approvals=wrong)))
    old = verify(genuine(), approvers(ROLES, "2026-01-01", "2026-11-20"), at=SOON)
    assert "the key was valid from 2026-01-01 until 2026-11-20" in old.problems[0]
    unknown = approvers({name: roles for name, roles in ROLES.items() if name != "Eli"})
    assert "does not know this person" in verify(genuine(), unknown, at=SOON).problems[0]


def test_each_sign_off_is_another_person_and_none_the_lead() -> None:
    """Five roles by four people are four; the one who ran it signs as the lead only."""
    doubled = [one for one in approvals() if one.by != "Cem"]
    doubled.append(signed("Fay", Role.SECURITY, PLAN, START))
    assert "4 of 5" in problems(sealed(bundle(approvals=doubled)))
    own = [one for one in approvals() if one.by != "Ben"]
    own.append(signed("Ana", Role.ENGINEERING, PLAN, START))
    assert "missing from engineering" in problems(sealed(bundle(approvals=own)))
    unsigned = seal(bundle(), []).text()
    assert "Ana, who ran it, has not signed it as lead" in problems(unsigned)


def test_who_signs_off_does_so_before_the_start() -> None:
    """Except in an emergency, which owes its sign-offs until they are there."""
    late = approvals(at=START + timedelta(minutes=1))
    assert "approved after the start" in problems(sealed(bundle(approvals=late)))
    urgent = bundle(change=Change.EMERGENCY, approvals=[])
    verdict = verify(sealed(urgent), approvers(), at=SOON)
    assert verdict.problems == []
    assert "0 of 5 sign-offs" in verdict.outstanding[0]
    after = verify(sealed(urgent, SIGNING), approvers(), at=SOON)
    assert (after.problems, after.outstanding) == ([], [])


def test_a_standard_change_stands_on_its_pre_approval() -> None:
    """Which it has to name."""
    agreed = digest("how certificates are renewed")
    signatures = [signed(by, role, agreed, START) for by, role in SIGNING.items()]
    standard = bundle(change=Change.STANDARD, hashes={"pre-approval": agreed}, approvals=signatures)
    assert problems(sealed(standard)) == ""
    assert "without the hash of its pre-approval" in problems(
        sealed(bundle(change=Change.STANDARD, approvals=signatures))
    )


def test_other_tiers_need_no_sign_offs() -> None:
    """The lead's signature is enough."""
    assert problems(sealed(bundle(tier=Tier.STAGING, approvals=[]))) == ""


def test_the_roles_are_those_of_the_standard() -> None:
    """As many as it has sign-offs."""
    assert len(SIGN_OFFS) == figure("GATE-05", "sign_offs_count").count


def test_only_a_run_that_ended_has_evidence() -> None:
    """And that there is."""
    about = About(tier=Tier.STAGING, change=Change.NORMAL, repeatable=True, hashes={}, costs={})
    with pytest.raises(JournalError, match="no run r9"):
        collect(journal(), "r9", about)
    with pytest.raises(JournalError, match="has not ended"):
        collect(journal("step.note"), "r1", about)
    assert collect(journal("run.failed"), "r1", about).outcome == "failed"


def test_the_command_says_what_a_file_is_worth(tmp_path: Path) -> None:
    """Exit code 0 when verified, 1 when not, 2 for a bad approvers file, 3 when owed sign-offs."""
    file, known = tmp_path / "run.json", tmp_path / "approvers.yaml"
    write_approvers(known)
    arguments = ["evidence", "verify", str(file), "--approvers", str(known), "--at", stamp(SOON)]
    seal(bundle(), [signed("Ana", Role.LEAD, hash_of(bundle()), END, Purpose.EVIDENCE)]).write(file)
    assert file.read_bytes() == genuine()
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0
    assert "verified" in done.stdout
    assert "program upgrade on production/program (production): done" in done.stdout
    file.write_bytes(genuine()[:-1])
    failed = CliRunner().invoke(app, [*arguments, "--json"])
    assert failed.exit_code == 1
    assert json.loads(failed.stdout)["problems"] == [
        "the file was cut short: it ends without a line feed"
    ]
    file.write_bytes(sealed(bundle(change=Change.EMERGENCY, approvals=[])))
    assert CliRunner().invoke(app, arguments).exit_code == 3
    known.write_text("approvers: []", encoding="utf-8")
    assert CliRunner().invoke(app, arguments).exit_code == 2
    assert CliRunner().invoke(app, [*arguments[:-1], "yesterday"]).exit_code == 2
