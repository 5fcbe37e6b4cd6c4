"""The result of comparing the marts with the truth: checks, differences, and their wording.

What is compared is in `verify` and `verification`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

_SHOWN = 20


@dataclass(frozen=True)
class Mismatch:
    """A difference: which row, which field, what is true and what the mart says."""

    subject: str
    field: str
    expected: str
    found: str


@dataclass
class Check:
    """One comparison: how many rows and values were looked at, what differed, how much may."""

    name: str
    rows: int = 0
    compared: int = 0
    wrong: int = 0
    shown: list[Mismatch] = field(default_factory=list)
    floor: float = 1.0

    @property
    def share(self) -> float:
        """Share of what was compared that agrees."""
        return 1.0 if not self.compared else 1.0 - self.wrong / self.compared

    @property
    def is_ok(self) -> bool:
        """Whether as much agrees as must."""
        return self.share >= self.floor

    def note(self, subject: str, what: str, expected: object, found: object) -> None:
        """Record a difference; the first ones are shown."""
        self.wrong += 1
        if len(self.shown) < _SHOWN:
            self.shown.append(Mismatch(subject, what, str(expected), str(found)))


@dataclass
class VerifyReport:
    """The result of a comparison; `str` of it is meant for people."""

    generation: str
    checks: list[Check]

    @property
    def ok(self) -> bool:
        """Whether every check holds."""
        return all(check.is_ok for check in self.checks)

    def __str__(self) -> str:
        width = max(len(check.name) for check in self.checks)
        lines = [f"     {'':{width}} {'rows':>9} {'values':>9} {'differ':>7}"]
        for check in self.checks:
            mark = "ok  " if check.is_ok else "FAIL"
            floor = f" ({1 - check.floor:.0%} may)" if check.floor < 1 else ""
            lines.append(
                f"{mark} {check.name:{width}} {check.rows:>9,} {check.compared:>9,} "
                f"{check.wrong:>7,}{floor}"
            )
            if check.wrong and (check.floor == 1 or not check.is_ok):
                lines += [
                    f"       {m.subject} {m.field}: true {m.expected}, mart {m.found}"
                    for m in check.shown
                ]
                if check.wrong > len(check.shown):
                    lines.append(f"       … and {check.wrong - len(check.shown):,} more")
        values = f"{sum(check.compared for check in self.checks):,} values compared"
        verdict = "agree with the truth" if self.ok else "differ from the truth"
        return "\n".join([*lines, f"the marts {verdict}: {values}"])
