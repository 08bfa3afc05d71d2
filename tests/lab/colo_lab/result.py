"""What a scenario found out."""

from dataclasses import dataclass, field


@dataclass
class Result:
    """Filled by the scenario, one for all repeats of it. Times without a unit are never stored."""

    name: str
    passed: bool = False
    skipped: str = None
    failure: str = None
    gap_ms: list = field(default_factory=list)
    decided_ms: list = field(default_factory=list)
    reprotect_s: list = field(default_factory=list)
    answers: int = 0
    lost: int = 0
    repeated: int = 0
    steps: list = field(default_factory=list)
    log: str = None
    took_s: float = 0.0
    notes: dict = field(default_factory=dict)

    def check(self, condition, text):
        """Fails the scenario with `text` unless `condition` is true."""
        if not condition:
            raise AssertionError(text)

    def traffic(self, answers, lost, repeated):
        """Adds what the client counted on one connection."""
        self.answers += answers
        self.lost += lost
        self.repeated += repeated

    def as_json(self):
        return {"name": self.name, "passed": self.passed, "skipped": self.skipped,
                "failure": self.failure, "gap_ms": self.gap_ms, "decided_ms": self.decided_ms,
                "reprotect_s": self.reprotect_s, "answers": self.answers, "lost": self.lost,
                "repeated": self.repeated, "took_s": round(self.took_s, 2), "notes": self.notes,
                "steps": self.steps, "log": self.log}
