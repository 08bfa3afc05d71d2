#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""clauses.py ROOT: every clause of doc/SAFETY.md is cited by the code that keeps it, and every clause
that the code cites is there."""

import pathlib
import re
import sys

FOLLOWS = {"R1.1"}  # a conclusion from the others, with no code of its own
CODE = ("agent", "heartbeat", "qmp", "fencing")

root = pathlib.Path(sys.argv[1])
stated = set(re.findall(r"\*\*(R\d+\.\d+)", (root / "doc/SAFETY.md").read_text()))
cited = {}
for folder in CODE:
    for path in sorted((root / folder).rglob("*.[ch]")):
        for clause in re.findall(r"\bR\d+\.\d+\b", path.read_text()):
            cited.setdefault(clause, path.relative_to(root))
wrong = [f"{clause} is cited by {path} and not stated" for clause, path in cited.items()
         if clause not in stated]
wrong += [f"{clause} is stated and no code cites it" for clause in sorted(stated - FOLLOWS - set(cited))]
if len(stated) < 20:
    wrong.append(f"only {len(stated)} clauses were found: has their form changed?")
for text in wrong:
    print(f"doc/SAFETY.md: {text}")
print(f"{len(stated)} clauses")
sys.exit(1 if wrong else 0)
