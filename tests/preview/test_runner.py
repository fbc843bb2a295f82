"""A program is evaluated as in a process of its own, and leaves nothing behind."""

import asyncio
import gc
import os
import subprocess
import sys
from pathlib import Path

import pulumi
import pytest

from preview.errors import ProgramError
from preview.runner import evaluate, evaluate_project
from tests.preview.programs import line, named, plan_of, write


def test_several_stacks_follow_each_other(tmp_path: Path) -> None:
    """Each run has its own stack, settings and resources."""
    folder = write(
        tmp_path,
        """
        size = pulumi.Config().require_int("size")
        Thing("a", {"size": size, "stack": pulumi.get_stack(), "project": pulumi.get_project(),
                    "organization": pulumi.get_organization(), "dry": pulumi.runtime.is_dry_run()})
        """,
    )
    for stack, size in (("one", "1"), ("two", "2"), ("one", "3")):
        plan = evaluate(folder, project="shop", stack=stack, config={"shop:size": size})
        assert named(plan, "a").inputs == {
            "size": int(size),
            "stack": stack,
            "project": "shop",
            "organization": "organization",
            "dry": True,
        }
        assert plan.stack == stack


def test_the_same_program_gives_the_same_plan(tmp_path: Path) -> None:
    """Two runs are equal in every field."""
    text = """
        things = [Thing(f"a{i}", {"i": i}) for i in range(30)]
        Thing("b", {"all": Output.all(*[thing.id for thing in things])})
    """
    assert plan_of(tmp_path, text) == plan_of(tmp_path, text)


def test_nothing_of_the_process_changes(tmp_path: Path) -> None:
    """Directory, arguments, import path, environment, settings and modules are as before."""
    before = (Path.cwd(), sys.argv[:], sys.path[:], dict(os.environ), gc.isenabled())
    modules = {name for name in sys.modules if not name.startswith(("pulumi", "google", "grpc"))}
    plan_of(
        tmp_path,
        """
        import os, sys, helper
        os.chdir("/")
        sys.path.append("/nowhere")
        sys.argv.append("x")
        Thing(helper.NAME, {"dir": os.environ["PULUMI_ERROR_OUTPUT_STRING"]})
        """,
        helper="NAME = 'a'",
    )
    assert (Path.cwd(), sys.argv, sys.path, dict(os.environ), gc.isenabled()) == before
    assert "helper" not in sys.modules
    assert modules <= set(sys.modules)
    assert not hasattr(sys, "tracebacklimit")
    assert pulumi.runtime.settings.ROOT.get() is None


def test_a_host_that_collects_no_garbage_keeps_it_so(tmp_path: Path) -> None:
    """What the caller had set about the interpreter is put back."""
    gc.disable()
    sys.tracebacklimit = 5
    os.environ["PULUMI_ERROR_OUTPUT_STRING"] = "0"
    try:
        plan_of(tmp_path, 'Thing("a")')
        assert not gc.isenabled()
        assert sys.tracebacklimit == 5
        assert os.environ["PULUMI_ERROR_OUTPUT_STRING"] == "0"
    finally:
        gc.enable()
        del sys.tracebacklimit
        del os.environ["PULUMI_ERROR_OUTPUT_STRING"]


def test_edited_modules_are_read_again(tmp_path: Path) -> None:
    """A module beside the program is imported anew by each run."""
    text = "import helper; Thing(helper.NAME)"
    assert named(plan_of(tmp_path, text, helper="NAME = 'first'"), "first")
    assert named(plan_of(tmp_path, text, helper="NAME = 'the second'"), "the second")


def test_two_programs_have_a_module_of_the_same_name(tmp_path: Path) -> None:
    """A program gets its own module, also where the host has loaded one of that name."""
    text = "import helper, tests; Thing(helper.NAME, {'own': tests.OWN})"
    for name in ("one", "two"):
        plan = plan_of(tmp_path / name, text, helper=f"NAME = {name!r}", tests="OWN = True")
        assert named(plan, name).inputs == {"own": True}
    assert sys.modules["tests"].__doc__


def test_what_a_program_prints_stays_off_stdout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Results go to stdout, so a program's own words go to stderr."""
    plan_of(tmp_path, "print('hello')")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "hello\n"


def test_what_a_process_of_a_program_prints_stays_off_stdout(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A program may ask git for its revision; stdout is there again afterwards."""
    plan_of(tmp_path, "import subprocess; subprocess.run(['echo', 'hello'], check=True)")
    os.write(1, b"after\n")
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("after\n", "hello\n")


def test_an_asynchronous_program_is_awaited(tmp_path: Path) -> None:
    """`pulumi.run` takes a coroutine function whose result is exported."""
    plan = plan_of(
        tmp_path,
        """
        import asyncio

        async def main():
            await asyncio.sleep(0)
            Thing("late")
            return {"done": True}

        pulumi.run(main)
        """,
    )
    assert named(plan, "late")
    assert named(plan, "shop-dev").outputs == {"done": True}


def test_warnings_of_the_program_are_in_the_plan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only warnings: debug and information are for an interactive run."""
    plan = plan_of(
        tmp_path,
        """
        pulumi.log.debug("debug")
        pulumi.log.info("info")
        pulumi.log.warn("careful")
        pulumi.log.warn("about this", Thing("a"))
        """,
    )
    assert plan.warnings == ("about this", "careful")
    assert capsys.readouterr() == ("", "")


def test_a_logged_error_fails_the_run(tmp_path: Path) -> None:
    """As under the engine, where an error in the log ends the preview."""
    with pytest.raises(ProgramError, match=r"^that is wrong$"):
        plan_of(tmp_path, 'pulumi.log.error("that is wrong")')


RAISING = {
    "at once": ('raise ValueError("bad size")', "ValueError: bad size", "bad size"),
    "in a helper": ("import helper; helper.fail()", "KeyError: 'zone'", ""),
    "in an apply": (
        'Thing("b", {"v": Output.from_input(1).apply(lambda v: v / 0)})',
        "ZeroDivisionError: division by zero",
        "v / 0",
    ),
    "for its user": ('raise pulumi.RunError("no such zone")', "no such zone", "no such zone"),
    "leaving": ("import sys; sys.exit(3)", "the program ended itself with exit code 3", "sys.exit"),
    "not Python": ("def (:", "SyntaxError: invalid syntax", "def ("),
    "no such module": ("import nowhere_at_all", "No module named 'nowhere_at_all'", "nowhere"),
    "an output as text": (
        'Thing("b", {"v": f"{Thing(\'a\').id}"})',
        "Calling __str__ on an Output",
        'f"{',
    ),
}


@pytest.mark.parametrize("case", RAISING)
def test_a_program_that_raises_names_its_line(
    tmp_path: Path, case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error has the message and the innermost line of the project; nothing is printed."""
    text, message, marker = RAISING[case]
    helper = "def fail():\n    return {}['zone']"
    with pytest.raises(ProgramError) as caught:
        plan_of(tmp_path, text, helper=helper)
    assert message in caught.value.message
    source = f"__main__.py:{line(text, marker)}" if marker else "helper.py:2"
    assert str(caught.value.source) == source
    assert str(caught.value).startswith(f"{source}: ")
    assert capsys.readouterr() == ("", "")


def test_a_failed_run_leaves_the_next_one_clean(tmp_path: Path) -> None:
    """Tasks of the failed program are ended with it."""
    with pytest.raises(ProgramError):
        plan_of(
            tmp_path,
            """
            import asyncio
            Thing("a", {"later": asyncio.ensure_future(asyncio.sleep(0.01))})
            asyncio.ensure_future(asyncio.sleep(3600))
            raise RuntimeError("stop")
            """,
        )
    assert named(plan_of(tmp_path, 'Thing("a")'), "a")
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()


def test_leaving_without_an_error_is_no_error(tmp_path: Path) -> None:
    """`sys.exit()` ends the program, what it declared stands."""
    assert named(plan_of(tmp_path, 'import sys; Thing("a"); sys.exit()'), "a")


def test_a_folder_without_a_program_is_refused(tmp_path: Path) -> None:
    """The message says what was looked for."""
    with pytest.raises(ProgramError, match=r"no Pulumi program in .* it has no __main__\.py"):
        evaluate(tmp_path, project="shop", stack="dev")


def test_a_secret_setting_stays_secret(tmp_path: Path) -> None:
    """A value of the config that is marked secret reaches inputs as one."""
    plan = plan_of(
        tmp_path,
        'Thing("a", {"token": pulumi.Config().require_secret("token")})',
        {"shop:token": "hunter2"},
        secret_keys=frozenset({"shop:token"}),
    )
    assert named(plan, "a").secrets == ("token",)


def test_a_project_is_evaluated_with_its_files(tmp_path: Path) -> None:
    """Name and settings come from the project's and the stack's file."""
    write(tmp_path, 'Thing("a", {"size": pulumi.Config().require_object("size")})')
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n", encoding="utf-8")
    (tmp_path / "Pulumi.dev.yaml").write_text(
        "config:\n  size: {min: 2}\n  token: {secure: v1:abc}\n", encoding="utf-8"
    )
    plan = evaluate_project(tmp_path, "dev")
    assert (plan.project, plan.stack) == ("shop", "dev")
    assert named(plan, "a").inputs == {"size": {"min": 2}}
    assert plan.warnings == (
        "Pulumi.dev.yaml: shop:token is encrypted: a placeholder stands for it",
    )


def test_a_preview_runs_without_a_terminal_or_pytest(tmp_path: Path) -> None:
    """In a bare process the run ends by itself and prints nothing."""
    write(tmp_path, 'Thing("a", opts=ResourceOptions(transforms=[lambda args: None]))')
    code = (
        "from pathlib import Path; from preview.runner import evaluate;"
        f"plan = evaluate(Path({str(tmp_path)!r}), project='p', stack='s');"
        "raise SystemExit(len(plan.resources))"
    )
    done = subprocess.run(  # noqa: S603 our own interpreter
        [sys.executable, "-c", code], capture_output=True, check=False, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, "", "")
