"""Tests of buffers that are not what was built: none gets as far as the program."""

import random
from pathlib import Path

import pytest
from solders.account import Account
from solders.pubkey import Pubkey

from scripts.exits import ExitCode
from scripts.program import loader, plans
from scripts.program.steps import switch
from scripts.program.steps.buffer import compare
from scripts.program.upload import UploadError
from scripts.program.world import World
from scripts.runs.runner import execute
from scripts.runs.steps import Acting, Plan
from tests.localnet.elf import program
from tests.scripts.program.simulation import TARGET, Simulation, simulated
from tests.soak import amount

_CODE = program(2, 6_000)
_CHUNK = 960
_ACTING = Acting(check=lambda: None, note=lambda _: None)


def _corrupted(draw: random.Random, code: bytes) -> bytes:
    """The code with one thing wrong: a flipped bit, swapped or zeroed chunks, a part missing."""
    kind = draw.choice(["flip", "swap", "zero", "truncate"])
    start, other = (draw.randrange(len(code) // _CHUNK) * _CHUNK for _ in range(2))
    changed = bytearray(code)
    match kind:
        case "flip":
            changed[draw.randrange(len(code))] ^= 1 << draw.randrange(8)
        case "swap":
            changed[start : start + _CHUNK] = code[other : other + _CHUNK]
            changed[other : other + _CHUNK] = code[start : start + _CHUNK]
        case "zero":
            changed[start : start + _CHUNK] = bytes(_CHUNK)
        case _:
            del changed[draw.randrange(len(code)) :]
    return bytes(changed)


def _uploaded(simulation: Simulation) -> tuple[World, Pubkey]:
    """A program that runs something else, and a buffer that holds all of the next."""
    old = simulation.world(program(1))
    done = execute(plans.deploy(TARGET, plans.inputs(old)), old, simulation.setting())
    assert done.code is ExitCode.DONE
    world = simulation.world(_CODE)
    steps = [
        one
        for one in plans.upgrade(TARGET, {}).steps
        if one.id in {"buffer-key", "buffer", "upload", "extend"}
    ]
    plan = Plan(target=TARGET, command="upload", inputs={}, steps=steps)
    assert execute(plan, world, simulation.setting()).code is ExitCode.DONE
    (buffer,) = simulation.buffers()
    return world, buffer


def test_a_corrupted_buffer_is_caught_before_the_switch(tmp_path: Path) -> None:
    """Each of many, from a seed; the program runs on, and nothing is sent."""
    with simulated(tmp_path) as simulation:
        world, buffer = _uploaded(simulation)
        chain = simulation.chain
        good = chain.account(buffer)
        assert good
        landed, header = len(chain.records), good.data[: loader.BUFFER_HEADER]
        compared, switched = compare(), switch.switch(first=False)
        for seed in range(amount(100, 1000)):
            wrong = _corrupted(random.Random(seed), _CODE)  # noqa: S311 - for repetition
            if wrong == _CODE:
                continue
            chain.place(buffer, Account(good.lamports, header + wrong, good.owner))
            simulation.let_pass(2)
            with pytest.raises(UploadError):
                _ = compared.is_done(world) or compared.run(world, _ACTING)
            with pytest.raises(UploadError):
                switched.run(world, _ACTING)
        assert len(chain.records) == landed
        assert simulation.runs() == program(1).rstrip(b"\0")
        chain.place(buffer, good)
        simulation.let_pass(2)
        assert compared.is_done(world)
        switched.run(world, _ACTING)
        assert simulation.runs() == _CODE.rstrip(b"\0")
