#!/usr/bin/env python3
"""Holds every #include "..." of the tree to the table of rooms in docs/ARCHITECTURE.md.

    include_graph_test.py ROOT

A row of the table is | `room/`, ... | what it hides | `entry`, `entry` ... |. Only what stands in backticks counts:
    `tools/run/`     the files of that folder (and of folders in it, unless one of those has a row of its own)
    `runtime/*`      the files of `runtime/` and of every room in it
    `a/b.h`          that header alone
    `*`              anything
    `<llvm/>`        system headers that begin so; what one row claims is closed to all others
An entry names only what stands below its row, so the graph of rooms has no circle.

Before the tree is read, a made-up one with every fault shows that this test can see them.
"""
import os
import re
import sys
import tempfile

# (room, header): includes that the table forbids and that are known. Empty it; an entry that nothing needs is a fault.
EXCEPTIONS = set()

SOURCES = (".h", ".c", ".cpp", ".inc")
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)
QUOTED = re.compile(r"`([^`]+)`")


class Table:
    """The rows in their order, top first: room -> entries."""

    def __init__(self, text):
        self.rows = {}
        inside = False
        for line in text.splitlines():
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if len(cells) == 3 and cells[2] == "may include":
                inside = True
            elif inside and not line.startswith("|"):
                break
            elif inside and QUOTED.search(cells[0]):
                for room in QUOTED.findall(cells[0]):
                    self.rows[room] = QUOTED.findall(cells[2])
        self.claimed = {e[1:-1] for row in self.rows.values() for e in row if e.startswith("<")}

    def room_of(self, path):
        """The row of a file; None where there is none."""
        folder = os.path.dirname(path) + "/"
        room = max((r for r in self.rows if folder.startswith(r)), key=len, default=None)
        divided = any(r != room and r.startswith(room) for r in self.rows) if room else False
        return None if divided and room != folder else room

    def rooms_of(self, entry):
        """The rooms that an entry names or lies in."""
        if entry.endswith("*"):
            return [r for r in self.rows if r.startswith(entry[:-1])]
        return [entry if entry in self.rows else self.room_of(entry)]

    def allows(self, room, path):
        for entry in self.rows[room]:
            if entry == path or entry == "*":
                return True
            if not entry.endswith(".h") and self.room_of(path) in self.rooms_of(entry):
                return True
        return False

    def faults(self):
        """Entries that name no room, or one that does not stand below."""
        order = {room: place for place, room in enumerate(self.rows)}
        for room, entries in self.rows.items():
            for entry in entries:
                if entry == "*" or entry.startswith("<"):
                    continue
                for other in self.rooms_of(entry):
                    if other is None:
                        yield f"table: `{room}` may include `{entry}`, which is in no row"
                    elif order[other] < order[room]:
                        yield f"table: `{room}` may include `{entry}`, which stands above it"


def sources(root):
    """Paths of C and C++ files below root; build trees and hidden folders are not part of it."""
    for folder, inner, files in os.walk(root):
        inner[:] = sorted(d for d in inner if d[0] != "." and d not in ("build", "node_modules")
                          and not os.path.exists(os.path.join(folder, d, "CMakeCache.txt")))
        for name in sorted(files):
            if name.endswith(SOURCES):
                yield os.path.relpath(os.path.join(folder, name), root)


def resolved(root, path, name):
    """Where the compiler finds a quoted include: beside the file, then from the root. None: generated, or not ours."""
    beside = os.path.normpath(os.path.join(os.path.dirname(path), name))
    return next((p for p in (beside, name) if os.path.isfile(os.path.join(root, p))), None)


def project_fault(table, room, path, included, used):
    if table.room_of(included) == room or table.allows(room, included):
        return None
    if (room, included) in EXCEPTIONS:
        used.add((room, included))
        return None
    allowed = ", ".join(f"`{e}`" for e in table.rows[room]) or "nothing"
    return f'{path}: includes "{included}", but `{room}` may include only {allowed}'


def system_fault(table, room, path, included):
    claim = next((c for c in table.claimed if included.startswith(c)), None)
    if claim is None or f"<{claim}>" in table.rows[room]:
        return None
    return f"{path}: includes <{included}>, which only another room may (`<{claim}>` is not in the row of `{room}`)"


def faults_of_file(table, root, path, used):
    room = table.room_of(path)
    if room is None:
        yield f"{path}: its folder has no row in the table"
        return
    with open(os.path.join(root, path), encoding="utf-8") as file:
        includes = INCLUDE.findall(file.read())
    for quoted, angled in includes:
        included = resolved(root, path, quoted) if quoted else None
        fault = project_fault(table, room, path, included, used) if included else \
            system_fault(table, room, path, quoted or angled)
        if fault:
            yield fault


def faults(root):
    with open(os.path.join(root, "docs", "ARCHITECTURE.md"), encoding="utf-8") as file:
        table = Table(file.read())
    found = list(table.faults())
    paths, used = list(sources(root)), set()
    for path in paths:
        found += faults_of_file(table, root, path, used)
    if not table.rows or not paths:
        found.append(f"found {len(table.rows)} rows and {len(paths)} files: this test cannot see")
    return found, used


MADE_UP = {
    "docs/ARCHITECTURE.md": """
| room | what it hides | may include |
|---|---|---|
| `tests/` | all | `*` |
| `app/one/`, `app/two/` | programs | `lib/*`, `<llvm/>` |
| `lib/` | the face | `lib/low/`, `lib/high/part.h` |
| `lib/high/` | | `lib/low/` |
| `lib/low/` | `not an entry/` | `lib/high/`, `nowhere/` |

| `late/` | not of the table | `*` |
""",
    "tests/deep/a_test.cpp": '#include "app/one/a.h"\n#include <llvm/IR.h>\n',
    "app/one/a.h": '#include "lib/face.h"\n#include "lib/high/other.h"\n#include "generated.inc"\n#include <llvm/IR.h>\n',
    "app/two/b.cpp": '// #include "app/one/a.h"\n#  include "../one/a.h"\n',
    "lib/face.h": '#include "low/x.h"\n#include "lib/high/part.h"\n#include "lib/high/other.h"\n#include <vector>\n',
    "lib/high/part.h": '#include "other.h"\n#include "lib/face.h"\n',
    "lib/high/other.h": "",
    "lib/low/x.h": "#include <llvm/IR.h>\n",
    "lib/new/y.h": "",
    "stray.c": "",
    ".hidden/z.c": "",
    "out/CMakeCache.txt": "",
    "out/made.c": "",
}
WANTED = [
    "table: `lib/low/` may include `lib/high/`, which stands above it",
    "table: `lib/low/` may include `nowhere/`, which is in no row",
    "tests/deep/a_test.cpp: includes <llvm/IR.h>",
    'app/two/b.cpp: includes "app/one/a.h"',
    'lib/face.h: includes "lib/high/other.h"',
    'lib/high/part.h: includes "lib/face.h"',
    "lib/low/x.h: includes <llvm/IR.h>",
    "lib/new/y.h: its folder has no row",
    "stray.c: its folder has no row",
]


def self_test():
    with tempfile.TemporaryDirectory() as root:
        for path, text in MADE_UP.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text)
        found, _ = faults(root)
    missed = [w for w in WANTED if not any(f.startswith(w) for f in found)]
    extra = [f for f in found if not any(f.startswith(w) for w in WANTED)]
    return [f"self-test: not found: {w}" for w in missed] + [f"self-test: found wrongly: {f}" for f in extra]


def main():
    blind = self_test()
    found, used = faults(sys.argv[1])
    unused = [f"EXCEPTIONS: nothing needs {room} -> {header} any more, drop it" for room, header in sorted(EXCEPTIONS - used)]
    for fault in blind + found + unused:
        print(fault)
    return 1 if blind or found or unused else 0


if __name__ == "__main__":
    sys.exit(main())
