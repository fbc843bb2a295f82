"""The entry point of the policy pack; the engine runs it with this folder as working directory."""

from pathlib import Path

from policies.crossguard import serve

serve(Path(__file__).parent)
