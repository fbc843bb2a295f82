"""Tests of the journal: what it keeps, and that nothing in it can be changed unseen."""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.runs.canonical import Json, SecretRefusedError, digest
from scripts.runs.dynamodb import DynamoDbClient, DynamoDbStore
from scripts.runs.journal import EMPTY, GENESIS, Entry, Head, Journal, JournalError, Store, problems
from scripts.runs.lease import Lease, LeaseLostError, Owner, acquire, release
from scripts.runs.sqlite import SqliteStore
from tests.scripts.runs.conftest import TABLE
from tests.scripts.runs.test_canonical import JSON

NAME = "staging/program"
Texts = list[str]


def filled(store: Store, count: int = 5) -> tuple[Journal, Lease]:
    """A journal with `count` entries, and the lease that it is written under."""
    lease = acquire(store, NAME, Owner.here("Ana"))
    journal = Journal(NAME, store)
    for number in range(count):
        journal.append("step.done", {"number": number}, run="r1", lease=lease)
    return journal, lease


def chain(data: Sequence[Json]) -> list[Entry]:
    """A journal's entries with `data`, made without a store."""
    entries: list[Entry] = []
    previous = GENESIS
    for sequence, item in enumerate(data, 1):
        body: dict[str, Json] = {
            "journal": NAME,
            "sequence": sequence,
            "previous": previous,
            "at": "2026-11-21T12:00:00.000Z",
            "by": "Ana",
            "run": "r1",
            "kind": "step.done",
            "data": {"item": item},
        }
        entries.append(Entry.model_validate({**body, "hash": digest(body)}))
        previous = entries[-1].hash
    return entries


def test_what_is_appended_is_there_in_order(store: Store) -> None:
    """With who and which run, from sequence 1 on, and the journal verifies."""
    journal, lease = filled(store)
    entries = journal.entries()
    assert [entry.data["number"] for entry in entries] == [0, 1, 2, 3, 4]
    assert [entry.sequence for entry in entries] == [1, 2, 3, 4, 5]
    assert {(entry.by, entry.run) for entry in entries} == {("Ana", "r1")}
    assert store.head(NAME) == entries[-1].head
    assert journal.verify([EMPTY, entries[2].head]) == []
    journal.append("run.done", {}, run="r1", lease=lease)
    last = journal.latest("step.done")
    assert last
    assert last.sequence == 5
    assert journal.latest("run.failed") is None


def test_journals_of_one_store_do_not_mix(store: Store) -> None:
    """Each target has its own entries and its own head."""
    journal, _ = filled(store)
    other = Journal("production/program", store)
    assert other.entries() == []
    assert other.verify() == []
    lease = acquire(store, other.name, Owner.here("Ben"))
    other.append("run.started", {}, run="r2", lease=lease)
    assert (len(journal.entries()), len(other.entries())) == (5, 1)


def test_of_two_writers_of_one_place_one_is_refused(store: Store) -> None:
    """The second entry with a sequence number is not written, and the journal stays whole."""
    journal, lease = filled(store)
    late = chain([None] * 6)[5].model_copy(update={"previous": journal.entries()[-1].hash})
    journal.append("step.done", {"number": 5}, run="r1", lease=lease)
    with pytest.raises(JournalError, match="somebody else wrote"):
        store.append(late, token=lease.token)
    assert len(journal.entries()) == 6
    assert journal.verify() == []


@pytest.mark.parametrize("place", [1, 3])
def test_an_entry_that_continues_another_end_is_refused(store: Store, place: int) -> None:
    """The first as well as a later one."""
    journal, lease = filled(store, 2)
    with pytest.raises(JournalError):
        store.append(chain([None] * 3)[place - 1], token=lease.token)
    assert journal.verify() == []


def test_who_lost_the_lease_cannot_write(store: Store) -> None:
    """A process that slept through its lease is stopped by its token, and told who has it."""
    journal, old = filled(store)
    release(store, old)
    new = acquire(store, NAME, Owner.here("Ben"))
    with pytest.raises(LeaseLostError, match="Ben"):
        journal.append("step.done", {}, run="r1", lease=old)
    journal.append("step.done", {}, run="r2", lease=new)
    assert len(journal.entries()) == 6


def test_nothing_is_written_without_a_lease(store: Store) -> None:
    """Not even the first entry."""
    with pytest.raises(LeaseLostError):
        store.append(chain([1])[0], token=1)
    assert store.head(NAME) == EMPTY


def test_a_secret_and_a_giant_are_refused(store: Store) -> None:
    """And leave the journal as it was."""
    journal, lease = filled(store)
    with pytest.raises(SecretRefusedError):
        journal.append("note", {"key": [1] * 64}, run="r1", lease=lease)
    with pytest.raises(JournalError, match="bytes"):
        journal.append("note", {"text": "x" * 300_000}, run="r1", lease=lease)
    assert len(journal.entries()) == 5
    assert journal.verify() == []


def test_entries_of_many_pages_are_all_read(dynamodb: DynamoDbClient) -> None:
    """DynamoDB gives a megabyte at a time."""
    store = DynamoDbStore(dynamodb, TABLE)
    lease = acquire(store, NAME, Owner.here("Ana"))
    journal = Journal(NAME, store)
    for number in range(12):
        journal.append("note", {"text": "x" * 200_000, "n": number}, run="r1", lease=lease)
    assert [entry.data["n"] for entry in journal.entries()] == list(range(12))
    last = journal.latest("note")
    assert last
    assert last.data["n"] == 11
    assert journal.verify() == []


@given(st.lists(JSON, max_size=6))
def test_a_chain_verifies_whatever_is_in_it(data: list[Json]) -> None:
    """Against its own head and every earlier one."""
    entries = chain(data)
    head = entries[-1].head if entries else EMPTY
    assert (
        problems([entry.text() for entry in entries], NAME, head, [e.head for e in entries]) == []
    )


def drop(texts: Texts, place: int, _: int) -> Texts:
    """Without one."""
    return texts[:place] + texts[place + 1 :]


def repeat(texts: Texts, place: int, _: int) -> Texts:
    """One twice."""
    return [*texts[: place + 1], *texts[place:]]


def swap(texts: Texts, place: int, other: int) -> Texts:
    """Two the other way round."""
    swapped = list(texts)
    swapped[place], swapped[other] = texts[other], texts[place]
    return swapped


def cut(texts: Texts, place: int, _: int) -> Texts:
    """Without an end."""
    return texts[:place]


def edit(texts: Texts, place: int, other: int) -> Texts:
    """With one character another one."""
    text = texts[place]
    at = other % len(text)
    return [
        *texts[:place],
        text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :],
        *texts[place + 1 :],
    ]


def rewrite(texts: Texts, place: int, _: int) -> Texts:
    """With the data of one changed and its own hash made again."""
    entry = Entry.model_validate_json(texts[place])
    body = entry.model_dump(exclude={"hash"}) | {"data": {"item": "forged"}}
    forged = Entry.model_validate({**body, "hash": digest(body)})
    return [*texts[:place], forged.text(), *texts[place + 1 :]]


def forge(texts: Texts, place: int, _: int) -> Texts:
    """With everything from one on made anew, every hash right."""
    entries = [Entry.model_validate_json(text) for text in texts]
    data = [entry.data["item"] for entry in entries]
    return [entry.text() for entry in chain([*data[:place], "forged", *data[place + 1 :]])]


@given(
    st.lists(JSON, min_size=2, max_size=6),
    st.sampled_from([drop, repeat, swap, cut, edit, rewrite, forge]),
    st.data(),
)
def test_any_change_of_a_chain_is_found(
    data: list[Json], tamper: Callable[[Texts, int, int], Texts], draw: st.DataObject
) -> None:
    """Changed, missing, moved, repeated, cut short, or forged throughout: its head is known."""
    entries = chain(data)
    texts = [entry.text() for entry in entries]
    place = draw.draw(st.integers(0, len(texts) - 1))
    other = draw.draw(st.integers(0, 1000))
    tampered = tamper(texts, place, other % len(texts) if tamper is swap else other)
    if tampered != texts:
        assert problems(tampered, NAME, entries[-1].head)


def test_a_journal_cut_short_with_its_head_is_found_by_an_older_head(
    sqlite: SqliteStore, tmp_path: Path
) -> None:
    """Whoever can write the whole file cannot write the evidence that others keep."""
    journal, _ = filled(sqlite)
    entries = journal.entries()
    with sqlite3.connect(tmp_path / "runs.sqlite") as database:
        database.execute("delete from entries where sequence > 3")
        assert "its head says entry 5" in journal.verify()[0] if database.commit() is None else ""
        database.execute("update heads set sequence = 3, hash = ?", (entries[2].hash,))
    database.close()
    assert journal.verify() == []
    assert "was in it once" in journal.verify([entries[4].head])[0]


def test_a_foreign_journal_does_not_verify() -> None:
    """Entries copied from another target, even as a whole."""
    entries = chain([1, 2])
    found = problems([entry.text() for entry in entries], "production/program", entries[-1].head)
    assert "is of the journal 'staging/program'" in found[0]


def test_a_journal_that_does_not_verify_stops_a_run(sqlite: SqliteStore, tmp_path: Path) -> None:
    """With the place, and what to do."""
    journal, _ = filled(sqlite)
    with sqlite3.connect(tmp_path / "runs.sqlite") as database:
        database.execute("update entries set body = replace(body, '\"Ana\"', '\"Eve\"')")
    database.close()
    with pytest.raises(JournalError, match=r"entry 1 was changed[\s\S]*docs/runs\.md"):
        journal.require_verified()


def test_the_file_is_its_owners_alone(sqlite: SqliteStore, tmp_path: Path) -> None:
    """With what SQLite puts beside it."""
    filled(sqlite)
    files = list(tmp_path.glob("runs.sqlite*"))
    assert len(files) > 1
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_heads_are_plain_data() -> None:
    """They are kept outside of the journal."""
    assert Head.model_validate_json(EMPTY.model_dump_json()) == EMPTY
