"""Tests of what people type about a verify record, over HTTP."""

from pathlib import Path

from scripts.exits import ExitCode
from tests.localnet.elf import program
from tests.scripts.program.network import project
from tests.scripts.program.record.program import OtterChain
from tests.scripts.program.record.test_otter import ARGS, COMMIT, URL

_ONE, _TWO = program(1, 600), program(2, 700)
_ORIGIN = ("--repository", URL, "--commit", COMMIT, "--build-args", ARGS)


def test_a_record_is_written_with_an_upgrade_and_shown(tmp_path: Path) -> None:
    """The plan says from what it was built; what stands there is compared, and can be replaced."""
    with project(tmp_path, chain=OtterChain()) as it:
        assert it.deploy(_ONE).exit_code == ExitCode.DONE
        next_ = str(it.build("next.so", _TWO))
        upgrade = ("upgrade", "development", next_, "--version", "1.1.0", *_ORIGIN)
        planned = it.run(*upgrade)
        assert planned.exit_code == ExitCode.DONE, planned.output
        assert "Write the verify record" in planned.stdout
        assert f"Says on chain that it was built from {URL} at {COMMIT}" in planned.stdout
        done = it.run(*upgrade, "--execute")
        assert done.exit_code == ExitCode.DONE, done.output
        same = ("verify", "development", "--file", next_, "--repository", URL, "--commit")
        verified = it.run(*same, COMMIT)
        assert verified.exit_code == ExitCode.DONE, verified.output
        assert f"verify record: {URL} at {COMMIT}, {ARGS}\n" in verified.stdout
        differs = it.run(*same, "b" * 40)
        assert differs.exit_code == ExitCode.FAILED
        assert f"record's commit is {COMMIT}, not bbb" in differs.stdout
        assert f"record         {URL} at {COMMIT}" in it.run("show", "development").stdout

        other = ("record", "development", *_ORIGIN[:2], "--commit", "b" * 40, *_ORIGIN[4:])
        asked = it.run(*other)
        assert f"now: {URL} at {COMMIT}, {ARGS}" in asked.stdout
        again = it.run(*other, "--execute")
        assert again.exit_code == ExitCode.DONE, again.output
        back = it.run("rollback", "development", "--execute")
        assert back.exit_code == ExitCode.DONE, back.output
        assert "(of what slot " in it.run("show", "development").stdout
        bad = it.run("record", "development", "--repository", URL, "--commit", "main")
        assert bad.exit_code == ExitCode.USAGE
        assert "git rev-parse HEAD" in bad.stderr


def test_a_cluster_without_the_program_is_named(tmp_path: Path) -> None:
    """Before anything is paid."""
    with project(tmp_path) as it:
        assert it.deploy(_ONE).exit_code == ExitCode.DONE
        said = it.run("record", "development", *_ORIGIN, "--execute")
        assert said.exit_code == ExitCode.USAGE
        assert "which keeps verify records: leave --repository out" in said.stderr
