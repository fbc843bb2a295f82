"""Tests of runs on a target whose journal was tampered with: only a way back goes on."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.exits import ExitCode
from scripts.runs.evidence import About, Change, collect, seal, verify
from scripts.runs.journal import Journal, JournalError, current
from scripts.runs.lease import Owner
from scripts.runs.runner import Setting, execute
from scripts.runs.sqlite import SqliteStore
from scripts.runs.times import utc_now
from standards import Tier
from tests.scripts.runs.ledger import IDS, TARGET, Ledger, plan
from tests.scripts.runs.people import approvers

_BACK = replace(plan(), command="program rollback", always=True)


@pytest.fixture
def broken(tmp_path: Path) -> Setting:
    """A setting whose journal holds a run, one entry of which was changed."""
    path = tmp_path / "runs.sqlite"
    setting = Setting(
        store=SqliteStore(path),
        owner=Owner.here("Ana"),
        tell=lambda _: None,
        resume="the same again",
        background=False,
    )
    done = execute(plan("0.9.0"), Ledger(tmp_path / "first"), setting)
    assert done.code is ExitCode.DONE
    with sqlite3.connect(path) as database:
        database.execute("update entries set body = replace(body, '0.9.0', '0.9.1')")
    database.close()
    return setting


def test_nothing_but_a_way_back_is_run(broken: Setting, tmp_path: Path) -> None:
    """A release stops; a rollback is done, in a new journal."""
    ledger = Ledger(tmp_path / "second")
    with pytest.raises(JournalError, match="does not verify, so nothing was changed"):
        execute(plan(), ledger, broken)
    assert ledger.lines() == []
    outcome = execute(_BACK, ledger, broken)
    assert outcome.code is ExitCode.DONE
    assert ledger.lines() == list(IDS)
    assert outcome.journal == f"{TARGET}~2"
    assert current(TARGET, broken.store).name == outcome.journal
    assert current(TARGET, broken.store).verify() == []


def test_the_new_journal_says_what_was_broken(broken: Setting, tmp_path: Path) -> None:
    """In its first entry; the old one is left as it is."""
    execute(_BACK, Ledger(tmp_path / "second"), broken)
    started = current(TARGET, broken.store).entries()[0]
    assert started.kind == "run.started"
    assert started.data["after_break"] == {
        "journal": TARGET,
        "problems": Journal(TARGET, broken.store).verify(),
    }


def test_what_comes_after_goes_on_in_the_new_journal(broken: Setting, tmp_path: Path) -> None:
    """And says so each time."""
    told: list[str] = []
    execute(_BACK, Ledger(tmp_path / "second"), broken)
    outcome = execute(plan(), Ledger(tmp_path / "third"), replace(broken, tell=told.append))
    assert outcome.code is ExitCode.DONE
    assert outcome.journal == f"{TARGET}~2"
    assert told[0] == f"the journal of {TARGET} was broken; this run is in {TARGET}~2"


def test_the_evidence_of_such_a_run_verifies(broken: Setting, tmp_path: Path) -> None:
    """All but the signature of its lead, which comes afterwards."""
    outcome = execute(_BACK, Ledger(tmp_path / "second"), broken)
    about = About(
        tier=Tier.STAGING,
        change=Change.EMERGENCY,
        repeatable=False,
        hashes={"program": "0" * 64},
        costs={},
    )
    entries = Journal(outcome.journal, broken.store).entries()
    text = seal(collect(entries, outcome.run, about), []).text()
    assert verify(text, approvers(), at=utc_now()).problems == [
        "Ana, who ran it, has not signed it as lead"
    ]
