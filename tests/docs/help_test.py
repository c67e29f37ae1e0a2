#!/usr/bin/env python3
"""Each command and option that --help of the programs names is in their man page, and those of the
client are in what both shells complete. QNPC_BIN names the folder of the two programs."""

import os
import re
import subprocess
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
BIN = os.environ.get("QNPC_BIN", os.path.join(ROOT, "build/release/bin"))
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
CLIENT = "quicnprotochat-client"
SERVER = "quicnprotochat-server"

# What bash offers for the last of these words.
COMPLETE = """
source "$1"; shift
COMP_WORDS=(quicnprotochat-client "$@"); COMP_CWORD=$#
_quicnprotochat_client
printf '%s\\n' "${COMPREPLY[@]}"
"""


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


class Help:
    """What `PROGRAM COMMAND... --help` names: options, their variables, and the commands below."""

    def __init__(self, program, *command):
        self.command = command
        text = subprocess.run([os.path.join(BIN, program), *command, "--help"], check=True,
                              capture_output=True, text=True).stdout
        self.options = set(re.findall(r"^  (?:-h,)?(--[a-z-]+)", text, re.MULTILINE))
        self.variables = set(re.findall(r"\(Env:(\w+)\)", text))
        below = re.search(r"^Subcommands:\n((?:  .*\n)*)", text, re.MULTILINE)
        names = re.findall(r"^  ([a-z-]+)", below.group(1), re.MULTILINE) if below else []
        self.below = [Help(program, *command, name) for name in names]

    def all(self):
        return [self] + [each for one in self.below for each in one.all()]


class ManPage:
    def __init__(self, program):
        self.text = re.sub(r'\\f.|\\|"', "", read(f"docs/man/{program}.1"))
        self.text = re.sub(r"^\.[BIR]+ ", "", self.text, flags=re.MULTILINE)
        self.text = re.sub(r" +", " ", self.text)
        self.paragraphs = [part.strip() for part in
                           re.split(r"^\.(?:TP|SH.*)$", self.text, flags=re.MULTILINE)]
        headings = [part.split("\n")[0] for part in self.paragraphs]
        self.options = {option for heading in headings if heading.startswith("-")
                        for option in OPTION.findall(heading)}

    def about(self, command):
        """What is below the headings that have the command in them, and these."""
        name = re.compile(r"(^|, )" + " ".join(command) + r"($|[ ,])")
        return "\n".join(part for part in self.paragraphs if name.search(part.split("\n")[0]))


class Documented(unittest.TestCase):
    def assert_all(self, wanted, present):
        self.assertEqual(wanted - present, set())

    def check_man_page(self, program):
        page = ManPage(program)
        for help_ in Help(program).all():
            with self.subTest(command=help_.command):
                about = page.about(help_.command)
                self.assertTrue(about or help_.below)
                self.assert_all(help_.options, page.options | set(OPTION.findall(about)))

    def test_client_in_the_man_page(self):
        self.check_man_page(CLIENT)
        for help_ in Help(CLIENT).all():
            self.assert_all(help_.variables, set(re.findall(r"\w+", ManPage(CLIENT).text)))

    def test_server_in_the_man_page(self):
        self.check_man_page(SERVER)

    def test_client_by_bash(self):
        script = os.path.join(ROOT, f"completions/{CLIENT}.bash")

        def offered(*words):
            return set(subprocess.run(["bash", "-c", COMPLETE, "bash", script, *words], check=True,
                                      capture_output=True, text=True).stdout.splitlines())

        for help_ in Help(CLIENT).all():
            with self.subTest(command=help_.command):
                self.assert_all({one.command[-1] for one in help_.below},
                                offered(*help_.command, ""))
                self.assert_all(help_.options, offered(*help_.command, "--"))

    def test_client_by_zsh(self):
        """What stands in it, since the shell may not be there."""
        text = read(f"completions/_{CLIENT}")
        begin, _, branches = text.partition("        case $words[1] in\n")
        for line, name, value in re.findall(r"^( +local (\w+)=(.*))$", begin, re.MULTILINE):
            begin = begin.replace(line, "")
            branches = branches.replace("$" + name, value)
        about = {name: branch for names, branch in
                 re.findall(r"^ +([a-z-]+(?: \| [a-z-]+)*)\)(.*?);;", branches, re.M | re.S)
                 for name in names.split(" | ")}
        for help_ in Help(CLIENT).all():
            with self.subTest(command=help_.command):
                own = about.get(help_.command[0], "") if help_.command else begin
                self.assert_all({one.command[-1] for one in help_.below},
                                set(re.findall(r"(?<=[\s'\"(])[a-z-]+(?=[ :)])", own)))
                self.assert_all(help_.options, set(OPTION.findall(begin + own)))


if __name__ == "__main__":
    unittest.main()
