"""`slipway localnet`: run the chain and its endpoint until somebody stops it."""

import asyncio
import errno
import signal
import sys
import time
from collections.abc import Sequence

from localnet.chain import Chain
from localnet.faults import Faults
from localnet.funds import parse_funds
from localnet.server import LOOPBACK, Server


def localnet(
    *,
    port: int,
    cluster: str,
    slot_seconds: float,
    faults: str = "",
    fund: Sequence[str] = (),
) -> int:
    """Serve a new chain on the loopback interface; 0 when it is told to stop (SIGINT, SIGTERM).

    `faults` is what `Faults.parse` reads; each one that happens is told on stderr. `fund` is what
    `parse_funds` reads.
    """
    chain = Chain(
        cluster=cluster,
        faults=Faults.parse(faults),
        time=int(time.time()),
        told=_tell,
        funds=parse_funds(fund),
    )
    try:
        asyncio.run(_serve(chain, cluster, port, slot_seconds))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        taken = "something listens there already; name another port with --port"
        raise OSError(error.errno, taken, f"{LOOPBACK}:{port}") from None
    return 0


async def _serve(chain: Chain, cluster: str, port: int, slot_seconds: float) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for wanted in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(wanted, stopped.set)
    async with Server(chain, port=port, slot_seconds=slot_seconds) as server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        _tell("chain", f"{cluster}, genesis {chain.genesis}, Ctrl-C stops it")
        if str(chain.faults):
            _tell("faults", str(chain.faults))
        await stopped.wait()


def _tell(kind: str, what: str) -> None:
    sys.stderr.write(f"{kind}: {what}\n")
