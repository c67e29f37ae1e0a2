#!/usr/bin/env python3
"""check_rules: docs/mls-rules.md says the truth about the rules of RFC 9420 and their tests.

Prints each finding and exits 1 if there is any: a Reject that the table lacks, that nothing throws,
or that no test of its row names; a rule without a test; a test, a Reject or a file that does not
exist; a file that does not throw what its row says.
usage: check_rules.py [FOLDER]
"""

import os
import re
import sys

TABLE = "docs/mls-rules.md"
TEST = re.compile(r"^TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\s*\)(.*?)^}", re.M | re.S)
ONE_LINE_TEST = re.compile(r"^TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\s*\)(.*)}$", re.M)
NAME = re.compile(r"`([a-z_0-9]+)`")
THROWN = re.compile(r"`(?:Reason::)?([a-z_0-9]+)`")
TEST_NAME = re.compile(r"`(\w+\.\w+)`")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def sources(folder, rooms):
    for room in rooms:
        for where, _, names in os.walk(os.path.join(folder, room)):
            for name in names:
                if name.endswith((".cc", ".h")):
                    yield os.path.join(where, name)


def rejects_of(folder):
    body = re.search(r"enum class Reject \{(.*?)\n\};", read(f"{folder}/core/mls/reject.h"), re.S)
    return re.findall(r"^\s+(\w+),", body.group(1), re.M)


def tests_of(folder):
    """The body of each test by its name."""
    out = {}
    for path in sources(folder, ("core", "client", "server", "tests", "tools")):
        if path.endswith("_test.cc"):
            text = read(path)
            for pattern in (TEST, ONE_LINE_TEST):
                for suite, name, body in pattern.findall(text):
                    out[f"{suite}.{name}"] = body
    return out


def thrown_in(folder):
    """Which Rejects are named by code that is no test."""
    out = set()
    for path in sources(folder, ("core",)):
        if not path.endswith(("_test.cc", "mls/reject.cc", "mls/reject.h")):
            out.update(re.findall(r"Reject::(\w+)", read(path)))
    return out


def check(folder):
    rejects, tests, thrown = rejects_of(folder), tests_of(folder), thrown_in(folder)
    tripped, listed = set(), set()
    for number, line in enumerate(read(f"{folder}/{TABLE}").splitlines(), 1):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|") or set(line) <= set("|- "):
            continue
        where = f"{TABLE}:{number}: "
        for test in TEST_NAME.findall(cells[-1]):
            if test not in tests and test.split(".")[1] not in ("h", "cc", "md"):
                yield where + f"there is no test {test}"
        if len(cells) != 5 or cells[0] == "section":
            continue
        named = TEST_NAME.findall(cells[4])
        if not named:
            yield where + "a rule without a test"
        for path in re.findall(r"`([^`]+)`", cells[3]):
            if not os.path.exists(f"{folder}/{path}"):
                yield where + f"there is no file {path}"
                continue
            text = read(f"{folder}/{path}")
            for name in THROWN.findall(cells[2]):
                if not re.search(rf"(Reject|Reason)::{name}\b", text):
                    yield where + f"{path} does not throw {name}"
        for reject in NAME.findall(cells[2]):
            listed.add(reject)
            if reject not in rejects:
                yield where + f"there is no Reject {reject}"
            elif any(re.search(rf"Reject::{reject}\b", tests.get(test, "")) for test in named):
                tripped.add(reject)
            else:
                yield where + f"none of its tests names Reject::{reject}"
    for reject in rejects:
        if reject not in listed:
            yield f"{TABLE}: lacks {reject}"
        if reject not in thrown:
            yield f"core/mls/reject.h: nothing throws {reject}"
        if reject in listed and reject not in tripped:
            yield f"core/mls/reject.h: no test trips {reject}"


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..")
    findings = list(check(folder))
    for finding in findings:
        print(finding)
    print(f"check_rules: {len(rejects_of(folder))} rules, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
