"""The IDL that belongs to a program: kept on disk when the program goes, put back with it."""

from scripts.program.folder import Saved
from scripts.program.idl.account import look
from scripts.program.idl.document import Idl, IdlError, parse_idl
from scripts.program.idl.metadata import MetadataError
from scripts.program.idl.publication import Publication
from scripts.program.world import World


async def belonging(world: World, about: Saved) -> Idl | None:
    """What is published of the program that runs; None where that is another version's.

    What cannot be read is nobody's: no way back stops for it.
    """
    try:
        published = parse_idl((await look(world.node, world.program)).content(), world.program)
    except (IdlError, MetadataError):
        return None
    return published if about.version in {None, published.version} else None


def keep(world: World, idl: Idl | None, about: Saved) -> Saved:
    """What is known of the program from now on: `idl` is on disk, where there is one."""
    if idl is None:
        return about
    world.folder.save_idl(idl.hash, idl.content)
    return about.model_copy(update={"idl": idl.hash})


def kept(world: World, about: Saved) -> Publication | None:
    """What puts the IDL that was kept with a program back; None where none was."""
    if about.idl is None:
        return None
    return Publication(idl=parse_idl(world.folder.idl(about.idl), world.program))
