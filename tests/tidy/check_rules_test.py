#!/usr/bin/env python3
"""Trips every finding of scripts/check_rules.py once, in a folder made for it."""

import os
import subprocess
import sys
import tempfile
import unittest

CHECK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts",
                     "check_rules.py")
GOOD = {
    "core/mls/reject.h": "enum class Reject {\n  // Section 6.\n  too_blue,\n};\n",
    "core/mls/x.cc": "void f() { require(false, Reject::too_blue); }\n",
    "core/mls/x_test.cc": "TEST(X, RejectsBlue) {\n  expect(Reject::too_blue);\n}\n",
    "docs/mls-rules.md": "| section | rule | check | file | test |\n|---|---|---|---|---|\n"
                         "| 6 | not blue | `too_blue` | `core/mls/x.cc` | `X.RejectsBlue` |\n",
}


def findings(changes):
    """What check_rules.py prints about the good folder with these files changed."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in {**GOOD, **changes}.items():
            os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text)
        run = subprocess.run([sys.executable, CHECK, root], stdout=subprocess.PIPE, text=True)
    lines = run.stdout.splitlines()
    assert run.returncode == (1 if len(lines) > 1 else 0), run
    return "\n".join(lines[:-1])


class CheckRules(unittest.TestCase):
    def changed(self, path, old, new):
        self.assertIn(old, GOOD[path])
        return findings({path: GOOD[path].replace(old, new)})

    def test_finds_nothing_in_what_is_right(self):
        self.assertEqual(findings({}), "")

    def test_a_reject_that_the_table_lacks(self):
        found = self.changed("core/mls/reject.h", "too_blue,", "too_blue,\n  too_red,")
        self.assertIn("lacks too_red", found)
        self.assertIn("nothing throws too_red", found)

    def test_a_reject_that_does_not_exist(self):
        self.assertIn("no Reject too_red",
                      self.changed("docs/mls-rules.md", "`too_blue`", "`too_blue`, `too_red`"))

    def test_a_test_that_does_not_exist(self):
        self.assertIn("no test X.RejectsRed",
                      self.changed("docs/mls-rules.md", "X.RejectsBlue", "X.RejectsRed"))

    def test_a_rule_without_a_test(self):
        self.assertIn("without a test", self.changed("docs/mls-rules.md", "`X.RejectsBlue`", ""))

    def test_a_test_that_does_not_name_the_reject(self):
        self.assertIn("none of its tests names Reject::too_blue",
                      self.changed("core/mls/x_test.cc", "Reject::too_blue", "nothing"))

    def test_a_file_that_does_not_exist(self):
        self.assertIn("no file core/mls/y.cc",
                      self.changed("docs/mls-rules.md", "mls/x.cc", "mls/y.cc"))

    def test_a_file_that_throws_something_else(self):
        table = GOOD["docs/mls-rules.md"].replace("mls/x.cc", "mls/y.cc")
        table += "| 6 | red | `Reason::red` | `core/mls/y.cc` | `X.RejectsBlue` |\n"
        found = findings({"core/mls/y.cc": "void g() { throw Error(Reason::red); }\n",
                          "docs/mls-rules.md": table})
        self.assertIn("core/mls/y.cc does not throw too_blue", found)
        self.assertNotIn("does not throw red", found)


if __name__ == "__main__":
    unittest.main()
