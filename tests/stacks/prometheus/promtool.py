"""Rules of Prometheus in a test: what fires for which series, as promtool works it out."""

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from shutil import which
from typing import Any, Final

import pytest
import yaml

PROMTOOL: Final = which("promtool")

needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is not installed; Debian has it in the package prometheus"
)

_FIRED: Final = re.compile(r"alertname: (\w+), time: (\w+),")


def check(folder: Path, text: str) -> str:
    """What promtool finds wrong with the rules in `text`; nothing where all is well."""
    path = folder / "rules.yml"
    path.write_text(text, encoding="utf-8")
    return _complaint("check", "rules", str(path))


def fired(
    folder: Path, text: str, series: Mapping[str, str], alert: str, times: Sequence[str]
) -> set[str]:
    """At which of `times` `alert` of the rules in `text` fires; `series` has a value each 15 s."""
    (folder / "rules.yml").write_text(text, encoding="utf-8")
    case: dict[str, Any] = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "15s",
                "input_series": [
                    {"series": name, "values": values} for name, values in series.items()
                ],
                # None is expected: what promtool complains of is what fired.
                "alert_rule_test": [
                    {"alertname": alert, "eval_time": time, "exp_alerts": []} for time in times
                ],
            }
        ],
    }
    path = folder / "case.yml"
    path.write_text(yaml.safe_dump(case), encoding="utf-8")
    complaint = _complaint("test", "rules", str(path))
    found = {time for name, time in _FIRED.findall(complaint) if name == alert}
    assert bool(found) is bool(complaint), complaint
    return found


def _complaint(*arguments: str) -> str:
    assert PROMTOOL
    done = subprocess.run(  # noqa: S603 - the tool that was found, on files of the test
        [PROMTOOL, *arguments], capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr
