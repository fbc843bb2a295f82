"""What is refused before a lamport moves: each says why, and what to do."""

from scripts.program.idl.account import Published, look
from scripts.program.idl.document import Idl, IdlError
from scripts.program.idl.metadata import METADATA
from scripts.program.idl.publication import Publication
from scripts.program.refusals import refuse_change
from scripts.program.world import World


def refuse_publication(world: World, publication: Publication | None = None) -> Published:
    """Refuse an IDL that is not the operator's to change; the one that is published."""
    if world.wait(world.node.account(METADATA)) is None:
        raise IdlError(f"the cluster has no program {METADATA}, which keeps IDLs")
    found = world.wait(look(world.node, world.program))
    if found.metadata and not found.metadata.mutable:
        raise IdlError(f"the IDL at {found.address} was made immutable: nobody can change it")
    own = found.metadata.authority if found.metadata else None
    if own is None or own != world.upgrade_authority:
        refuse_change(world, world.wait(world.on_chain()))
    if publication and world.vault and not found.holds(publication.idl.content):
        publication.refuse_vault(found)
    return found


def refuse_version(world: World, idl: Idl) -> None:
    """Refuse an IDL of another version than the one that is known to run."""
    running = world.wait(world.on_chain()).hash
    kept = world.folder.saved(running) if running else None
    if kept and kept.version and kept.version != idl.version:
        raise IdlError(
            f"{world.program} runs version {kept.version}, and the IDL is of {idl.version}: publish"
            " the IDL that was built from the same tag, after the program"
        )
