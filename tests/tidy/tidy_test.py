#!/usr/bin/env python3
"""Trips every rule of scripts/tidy.py once, in a folder made for it, and checks that what is
allowed passes."""

import os
import subprocess
import sys
import tempfile
import unittest

TIDY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts", "tidy.py")
HEADER = "// x: an example.\n#pragma once\n"
# Taken apart, so that this file itself is tidy.
UNFINISHED = "TO" + "DO"


def tidy(files):
    """What tidy.py prints about a repository of these files, without its last line."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text)
        run = subprocess.run([sys.executable, TIDY, root], stdout=subprocess.PIPE, text=True)
    lines = run.stdout.splitlines()
    assert run.returncode == (1 if len(lines) > 1 else 0), run
    return lines[:-1]


class Tidy(unittest.TestCase):
    def trips(self, path, text, line, words):
        """The file alone gives one finding, at this line, in these words."""
        findings = tidy({path: text})
        self.assertEqual(len(findings), 1, findings)
        self.assertTrue(findings[0].startswith(f"{path}:{line}: "), findings)
        self.assertIn(words, findings[0])

    def passes(self, path, text):
        self.assertEqual(tidy({path: text}), [])

    def test_columns(self):
        self.trips("core/base/x.h", HEADER + "/" * 101 + "\n", 3, "101 columns")
        self.passes("core/base/x.h", HEADER + "/" * 100 + "\n")
        self.passes("core/base/x.h", HEADER + "// " + "é" * 97 + "\n")
        self.trips("docs/x.md", "x" * 101, 1, "101 columns")
        self.passes("docs/x.md", "|" + "x" * 101 + "|\n")

    def test_lines(self):
        self.passes("core/base/x.h", HEADER + "\n" * 498)
        self.trips("core/base/x.h", HEADER + "\n" * 499, 501, "501 lines")

    def test_tab(self):
        self.trips("scripts/x.sh", "#!/bin/sh\n# An example.\n\ttrue\n", 3, "tab")

    def test_unfinished(self):
        self.trips("docs/x.md", f"\n{UNFINISHED}: more\n", 2, "unfinished")

    def test_opening_comment(self):
        self.trips("server/main.cc", "int main() {}\n", 1, "opening comment")
        self.trips("scripts/x.sh", "#!/bin/sh\ntrue\n", 2, "opening comment")
        self.trips("schemas/x.capnp", "@0xd5ca5648a9cc1c28;\n", 1, "opening comment")

    def test_implementation_beside_its_header_needs_no_opening_comment(self):
        code = '#include "qnpc/base/x.h"\n'
        pair = {"core/base/x.h": HEADER, "core/base/x.cc": code, "core/base/x_test.cc": code}
        self.assertEqual(tidy(pair), [])

    def test_pragma(self):
        self.trips("core/base/x.h", "// x: an example.\n", 1, "#pragma once")

    def test_relative_include(self):
        self.trips("tests/x.h", HEADER + '#include "../y.h"\n', 3, "relative")

    def test_include_directions(self):
        for room, header in [
            ("core/base", "qnpc/crypto/hash.h"),
            ("core/crypto", "qnpc/codec/reader.h"),
            ("core/noise", "qnpc/mls/tree.h"),
            ("core/mls", "qnpc/noise/transport.h"),
            ("core/mls", "qnpc/group/identity.h"),
            ("schemas", "qnpc/noise/transport.h"),
            ("server", "qnpc/mls/tree.h"),
            ("server", "qnpc/group/identity.h"),
            ("server/store", "client/connection.h"),
            ("client", "server/listener.h"),
            ("core/base", "tests/support/vectors.h"),
        ]:
            with self.subTest(room=room, header=header):
                self.trips(f"{room}/x.h", HEADER + f'#include "{header}"\n', 3, header)

    def test_allowed_includes(self):
        for room, header in [
            ("core/mls", "qnpc/crypto/hash.h"),
            ("server/store", "schemas/auth.capnp.h"),
            ("client", "qnpc/group/identity.h"),
        ]:
            with self.subTest(room=room, header=header):
                self.passes(f"{room}/x.h", HEADER + f'#include "{header}"\n')
        self.passes("core/mls/x_test.cc", '// x.\n#include "tests/support/vectors.h"\n')
        self.passes("core/noise/x_test.cc", '// x.\n#include "schemas/auth.capnp.h"\n')

    def test_library_headers(self):
        for path, header in [
            ("core/mls/x.h", "openssl/evp.h"),
            ("client/x.h", "sodium.h"),
            ("core/noise/handshake.h", "kj/async.h"),
            ("core/group/x.h", "capnp/message.h"),
            ("server/main.h", "sqlite3.h"),
            ("client/x.h", "qrencode.h"),
        ]:
            with self.subTest(path=path, header=header):
                self.trips(path, HEADER + f"#include <{header}>\n", 3, header)
        for path, header in [
            ("core/crypto/x.h", "openssl/evp.h"),
            ("core/noise/stream.h", "kj/async-io.h"),
            ("client/state/x.h", "sqlite3.h"),
            ("core/qr/x.h", "qrencode.h"),
        ]:
            with self.subTest(path=path, header=header):
                self.passes(path, HEADER + f"#include <{header}>\n")

    def test_logged_secret(self):
        for code in [
            'spdlog::info("{}", key.reveal());',
            'log->warn("key {}",\n    to_hex(key.reveal()));',
            "out << to_hex(key.reveal());",
            "std::ostream& operator<<(std::ostream& out, const Secret& s);",
            "template <> struct fmt::formatter<qnpc::Secret> {",
        ]:
            with self.subTest(code=code):
                self.trips("core/base/x.h", HEADER + code + "\n", 3, "secrets never print")
        self.passes("core/base/x.h", HEADER + 'log->info("x");\nsign(key.reveal());\n')

    def test_lock_file_names_no_host(self):
        entry = '{\n"resolved": "https://registry.example/x.tgz"\n}\n'
        findings = tidy({"tests/x/package-lock.json": entry})
        self.assertEqual(len(findings), 1, findings)
        self.assertIn("registry", findings[0])

    def test_generated_folders_are_skipped(self):
        files = {"build/release/x.h": "", "tests/x/node_modules/y.js": "", "docs/x.md": "x\n"}
        self.assertEqual(tidy(files), [])


if __name__ == "__main__":
    unittest.main()
