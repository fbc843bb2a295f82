"""Writing a file whole or not at all."""

import os
import tempfile
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Write `text` to `path`, whose folder is made where there is none.

    A reader, or whoever comes after a crash, finds the old content or the new one, never a part:
    the text goes to a file beside it, which then takes its name. What is no regular file, such as
    a pipe or a device, is written as it is.

    Raises:
        OSError: it cannot be written, and is as it was; names `path`.
    """
    try:
        _write(path, text)
    except OSError as error:
        # A full disk names no file, and a folder that cannot be written a temporary one.
        raise OSError(error.errno, error.strerror, str(path)) from error


def _write(path: Path, text: str) -> None:
    content = text.encode("utf-8", "backslashreplace")
    target = path.resolve()
    if target.exists() and not target.is_file():
        with target.open("wb", buffering=0) as there:
            there.write(content)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    replace(target, content, mode=0o666 & ~_umask())


def replace(path: Path, content: bytes, *, mode: int) -> None:
    """Put a file with `content` and `mode` in the place of `path`, on disk when this returns.

    Until it takes the name, only its owner can read it: it may be a key.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    beside = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def near(path: Path) -> Path:
    """`path` as somebody in the working directory would type it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _umask() -> int:
    """The mask of the modes that new files get; it can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
