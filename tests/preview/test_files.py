"""Tests of writing a file whole or not at all."""

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from preview.files import write


def test_a_file_is_written_with_its_folder(tmp_path: Path) -> None:
    """Nobody has to make `out/` first."""
    path = tmp_path / "out" / "report.html"
    write(path, "ü\n")
    assert path.read_text(encoding="utf-8") == "ü\n"
    assert [each.name for each in path.parent.iterdir()] == ["report.html"]


def test_a_new_file_has_the_usual_mode(tmp_path: Path) -> None:
    """A report is for others to read: not the mode of a temporary file."""
    before = os.umask(0o022)
    try:
        write(tmp_path / "report", "")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "report").stat().st_mode) == 0o644


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """The file that it leads to is written."""
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_text_that_is_no_unicode_is_escaped(tmp_path: Path) -> None:
    """A name in a plan may hold half a character; the report is written all the same."""
    write(tmp_path / "report", "\ud800")
    assert (tmp_path / "report").read_text() == "\\ud800"


def test_a_device_is_written_as_it_is() -> None:
    """A full one says so, and is still a device afterwards."""
    with pytest.raises(OSError, match="No space left") as raised:
        write(Path("/dev/full"), "text")
    assert (raised.value.errno, raised.value.filename) == (errno.ENOSPC, "/dev/full")
    assert Path("/dev/full").is_char_device()


def test_a_pipe_is_written_as_it_is(tmp_path: Path) -> None:
    """A named pipe takes the text, and stays one."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    write(pipe, "text")
    reader.join()
    assert read == ["text"]
    assert pipe.is_fifo()


def test_a_disk_that_fills_up_leaves_the_old_file(tmp_path: Path) -> None:
    """Neither a half-written file stays behind nor a temporary one."""
    path = tmp_path / "report"
    path.write_text("old")
    program = (
        "import pathlib, resource, sys\n"
        "from preview.files import write\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))\n"
        "write(pathlib.Path(sys.argv[1]), 'x' * 5_000)\n"
    )
    run = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program, path], capture_output=True, text=True, check=False
    )
    assert "File too large" in run.stderr
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_made_names_the_file() -> None:
    """The message is about the file that was asked for, and its kind stays."""
    with pytest.raises(FileNotFoundError) as raised:
        write(Path("/proc/nowhere/report"), "text")
    assert raised.value.filename == "/proc/nowhere/report"


def test_a_process_that_is_killed_leaves_the_old_file(tmp_path: Path) -> None:
    """Whatever the moment, the name never leads to a part of the new content."""
    path = tmp_path / "report"
    path.write_text("old")
    program = (
        "import os, pathlib, signal, sys\n"
        "from preview.files import write\n"
        "os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "write(pathlib.Path(sys.argv[1]), 'new')\n"
    )
    run = subprocess.run([sys.executable, "-c", program, path], check=False)  # noqa: S603 - our own program
    assert run.returncode == -signal.SIGKILL
    assert path.read_text() == "old"


def test_an_interrupt_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control-C while the text is written takes the temporary file away."""

    def interrupt(_descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "report", "text")
    assert list(tmp_path.iterdir()) == []
