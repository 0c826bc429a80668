"""Says which test has failed, and why, as soon as it has: a whole run takes minutes."""

from __future__ import annotations

from typing import Any

import pytest


class FailuresAtOnce:
    """Writes one line for each failure; runs where the results of all workers meet."""

    def __init__(self, terminal: Any) -> None:
        self.terminal = terminal

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._write("FAILED" if report.when == "call" else "ERROR", report)

    @pytest.hookimpl(trylast=True)
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._write("ERROR", report)

    def _write(
        self, word: str, report: pytest.TestReport | pytest.CollectReport
    ) -> None:
        self.terminal.ensure_newline()
        if self.terminal._tw.width_of_current_line:
            # Dots of several workers stand in a line that nobody ends.
            self.terminal.line("")
        self.terminal.write_line(f"{word} {report.nodeid}: {reason_of(report)}")
        self.terminal.flush()


def reason_of(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Return the first line of what was raised, or the last of any other text."""
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        return str(crash.message.partition("\n")[0])
    lines = report.longreprtext.strip().splitlines()
    return lines[-1].removeprefix("E  ").strip() if lines else "no reason given"
