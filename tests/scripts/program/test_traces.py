"""Tests of what runs leave behind: no private key, wherever one looks."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from solders.keypair import Keypair

from scripts.exits import ExitCode
from scripts.program.session import RPC_VARIABLE
from tests.localnet.elf import program
from tests.scripts.program.network import Project, project

_TOKEN = "kh4rV7wQ2mZpX9sLtB3nJc6yDfGa8eRu"  # noqa: S105 - made up, in the place of a provider's


def _forms(key: Keypair) -> Iterator[bytes]:
    """Each way in which a key may have been written: raw, its seed, as text, in hex, in base64."""
    raw, seed = bytes(key), key.secret()
    for part in (raw, seed):
        yield part
        yield part.hex().encode()
        yield base64.b64encode(part).rstrip(b"=")
        yield str(list(part)).strip("[]").encode()
        yield ",".join(map(str, part)).encode()
    yield str(key).encode()


def _left(it: Project) -> Iterator[tuple[str, bytes]]:
    """Every file that runs left, but the key files that hold keys on purpose."""
    given = {it.folder / "payer.json", it.folder / "program.json"}
    for path in sorted(it.folder.rglob("*")):
        if path.is_file() and path not in given and path.parent.name != "buffers":
            yield str(path), path.read_bytes()


def test_no_key_is_left_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in the journal, the evidence, what was printed, or a file; nor a node's key."""
    with project(tmp_path) as it:
        monkeypatch.setenv(RPC_VARIABLE, f"{it.endpoint.url}/{_TOKEN}?api-key={_TOKEN}")
        file = it.build("program.so", program(1, 3000))
        key = it.key("program.json", it.program)
        said = [
            it.run("deploy", "development", str(file), "--version", "1.0.0", *words)
            for words in (
                ("--program-key", str(key)),
                ("--program-key", str(key), "--execute"),
                ("--program-key", str(key), "--execute", "--json"),
            )
        ]
        assert [one.exit_code for one in said] == [ExitCode.DONE] * 3
        texts = [*_left(it), *(("what was printed", one.output.encode()) for one in said)]
        assert len(texts) > 8
        kept = list((it.folder / ".slipway").rglob("*.sqlite*"))
        assert kept
        for name, content in texts:
            for form in (*_forms(it.payer), *_forms(it.program), _TOKEN.encode()):
                assert form not in content, name


def test_a_node_that_is_away_does_not_give_its_address_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error tells what is wrong, without the part of the address that is a key."""
    with project(tmp_path) as it:
        monkeypatch.setattr("scripts.program.world.READ_SECONDS", 1.0)
        monkeypatch.setenv(RPC_VARIABLE, f"http://127.0.0.1:9/{_TOKEN}")
        said = it.run("show", "development", "--debug")
        assert said.exit_code != ExitCode.DONE
        assert _TOKEN not in said.output


def test_buffer_keys_are_private(tmp_path: Path) -> None:
    """The folder and each file are for their owner alone."""
    with project(tmp_path) as it:
        assert it.deploy(program(1, 3000)).exit_code == ExitCode.DONE
        state = it.folder / ".slipway"
        assert state.stat().st_mode & 0o077 == 0
        assert (state / "buffers").stat().st_mode & 0o077 == 0
