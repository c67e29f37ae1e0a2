#!/usr/bin/env python3
"""tidy: the rules of the house that a compiler does not check, over all files of the repository.

Prints `file:line: what, why` for each finding and exits 1 if there is any. tests/tidy/tidy_test.py
trips every rule. usage: tidy.py [FOLDER]
"""

import os
import re
import sys

MAX_COLUMNS = 100
MAX_LINES = 500

# Folders that hold nothing of ours.
SKIPPED_FOLDERS = {".git", ".deps", ".cache", "build", "node_modules", "__pycache__"}

CPP = (".h", ".cc")
TEXT = CPP + (".capnp", ".sh", ".py", ".mjs", ".js", ".cmake", ".md")

# ARCHITECTURE.md: who may include whom. base <- crypto, codec <- noise, mls; mls <- group;
# noise, qr, schemas <- server; noise, group, qr, schemas <- client. Never noise <-> mls,
# client <-> server.
FOUNDATION = {"qnpc/base", "qnpc/crypto", "qnpc/codec"}
MAY_INCLUDE = {
    "core/base": {"qnpc/base"},
    "core/crypto": {"qnpc/base", "qnpc/crypto"},
    "core/codec": {"qnpc/base", "qnpc/codec"},
    "core/noise": FOUNDATION | {"qnpc/noise"},
    "core/mls": FOUNDATION | {"qnpc/mls"},
    "core/group": FOUNDATION | {"qnpc/mls", "qnpc/group"},
    "core/qr": {"qnpc/base", "qnpc/qr"},
    "schemas": {"qnpc/base", "schemas"},
    "server": FOUNDATION | {"qnpc/noise", "qnpc/qr", "schemas", "server"},
    "client": FOUNDATION | {"qnpc/noise", "qnpc/mls", "qnpc/group", "qnpc/qr", "schemas", "client"},
}

# Headers of libraries, and the only places (path prefixes) that may include them.
LIBRARY_HEADERS = [
    (r"(openssl/|sodium(\.h$|/))", ("core/crypto/",), "only core/crypto knows these libraries"),
    (r"qrencode", ("core/qr/",), "only core/qr knows it"),
    (r"sqlite3", ("server/store/", "client/state/"), "only the two stores know SQLite"),
    (r"(kj|capnp)/", ("core/noise/stream", "schemas/", "server/", "client/", "tests/", "bench/",
                      "fuzz/"), "of core only noise/stream knows KJ"),
]

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
LOGGING = re.compile(r"\b(spdlog::|log(ger)?_?(\.|->|::)|log_(info|warn|error|debug)\w*\(|KJ_LOG|"
                     r"KJ_DBG|f?printf\(|std::(cout|cerr|clog)\b)")
STREAMED_REVEAL = re.compile(r"<<[^;<]*\.reveal\w*\(")
SECRET_PRINTER = re.compile(r"(operator<<\s*\([^)]*|formatter<\s*(qnpc::)?)Secret\b")


def folder_of(path):
    """The room of a file: a key of MAY_INCLUDE, or None for those that may see everything."""
    return next((room for room in MAY_INCLUDE if path.startswith(room + "/")), None)


def check_shape(path, lines):
    if len(lines) > MAX_LINES:
        yield MAX_LINES + 1, f"{len(lines)} lines, a file is a room of at most {MAX_LINES}"
    for number, line in enumerate(lines, 1):
        is_table = path.endswith(".md") and line.lstrip().startswith("|")
        if len(line) > MAX_COLUMNS and not is_table:
            yield number, f"{len(line)} columns, at most {MAX_COLUMNS} read well side by side"
        if "\t" in line:
            yield number, "tab, it has no width of its own: indent with spaces"
        if UNFINISHED.search(line):
            yield number, "mark of unfinished work, finish it or write an issue"


def check_opening(path, lines):
    """Rule 1 of the house: a file opens with what it holds. A .cc beside its .h may go without."""
    stem = re.sub(r"(_test)?\.cc$", "", path)
    if path.endswith(".cc") and os.path.exists(stem + ".h"):
        return
    first = 1 if lines and lines[0].startswith("#!") else 0
    opening = lines[first] if len(lines) > first else ""
    if not opening.startswith(("//", "# ", '"""')):
        yield first + 1, "no opening comment, a file says first what it holds"


def check_includes(path, lines):
    room = folder_of(path)
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        quote, header = match.groups()
        if "../" in header:
            yield number, f"relative include {header}, name it from its root"
        for pattern, places, why in LIBRARY_HEADERS:
            if re.match(pattern, header) and not path.startswith(places):
                yield number, f"include of {header}, {why}"
        is_for_tests = header.startswith(("tests/", "schemas/")) and path.endswith("_test.cc")
        if room and quote == '"' and not is_for_tests:
            allowed = MAY_INCLUDE[room]
            if not any(header.startswith(prefix + "/") for prefix in allowed):
                yield number, f"include of {header}, {room} sees only {', '.join(sorted(allowed))}"


def statements(lines):
    """(number of its first line, text) of each statement, cut roughly at `;`, `{` and `}`."""
    start, text = 1, ""
    for number, line in enumerate(lines, 1):
        code = re.sub(r"//.*", "", line).strip()
        start = start if text else number
        text += code + " " if code else ""
        if code.endswith((";", "{", "}")) or code.startswith("#"):
            yield start, text
            text = ""
    yield start, text


def check_secrets(_path, lines):
    for number, text in statements(lines):
        if ".reveal" in text and (LOGGING.search(text) or STREAMED_REVEAL.search(text)):
            yield number, "a revealed secret is logged or streamed, secrets never print"
        if SECRET_PRINTER.search(text):
            yield number, "a way to print Secret, secrets never print"


def check_pragma(_path, lines):
    if "#pragma once" not in lines:
        yield 1, "no #pragma once, a header is read once"


def check_lock_file(_path, lines):
    for number, line in enumerate(lines, 1):
        if '"resolved": "http' in line:
            yield number, ("lock file names a registry's host, set omit-lockfile-registry-resolved "
                           "in .npmrc beside it")


def checks_for(path):
    name = os.path.basename(path)
    if name == "package-lock.json":
        return [check_lock_file]
    if name == "CMakeLists.txt":
        return [check_shape]
    if not path.endswith(TEXT):
        return []
    checks = [check_shape]
    if not path.endswith(".md"):
        checks.append(check_opening)
    if path.endswith(CPP):
        checks += [check_includes, check_secrets]
    if path.endswith(".h"):
        checks.append(check_pragma)
    return checks


def files_below(root):
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(set(folders) - SKIPPED_FOLDERS)
        for name in sorted(names):
            yield os.path.relpath(os.path.join(folder, name), root)


def main():
    os.chdir(sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), ".."))
    checked = findings = 0
    for path in files_below("."):
        checks = checks_for(path)
        if not checks:
            continue
        checked += 1
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
        for check in checks:
            for number, what in check(path, lines):
                print(f"{path}:{number}: {what}")
                findings += 1
    print(f"tidy: {checked} files, {findings} findings")
    return 1 if findings or not checked else 0


if __name__ == "__main__":
    sys.exit(main())
