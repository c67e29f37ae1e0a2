#!/usr/bin/env python3
"""driver_test: two processes of qnpc-mls-driver talk to each other through every operation.

usage: driver_test.py PATH-OF-qnpc-mls-driver
"""

import json
import subprocess
import sys
import unittest

DRIVER = sys.argv.pop()
SUITES = (*range(1, 8), 0x004D)


def text(words):
    return words.encode().hex()


class Driver:
    def __init__(self):
        self.process = subprocess.Popen([DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def line(self, line):
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def ask(self, op, **fields):
        return self.line(json.dumps({"op": op, **fields}).encode())

    def __call__(self, op, **fields):
        reply = self.ask(op, **fields)
        assert "error" not in reply, f"{op}: {reply}"
        return reply

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait() == 0


class Member:
    """A state of one of the drivers."""

    def __init__(self, driver, name, state_id):
        self.driver, self.name, self.state_id = driver, name, state_id

    def __call__(self, op, **fields):
        return self.driver(op, state_id=self.state_id, **fields)

    def error(self, op, **fields):
        return self.driver.ask(op, state_id=self.state_id, **fields)["error"]

    def auth(self):
        return self("state_auth")["state_auth_secret"]


class DriverTest(unittest.TestCase):
    def setUp(self):
        self.one, self.two = Driver(), Driver()
        self.suite = 1

    def tearDown(self):
        self.one.close()
        self.two.close()

    def create(self, driver, name, encrypt=False):
        reply = driver("create_group", group_id=text("group"), cipher_suite=self.suite,
                       encrypt_handshake=encrypt, identity=text(name))
        return Member(driver, name, reply["state_id"])

    def key_package(self, driver, name):
        return driver("create_key_package", cipher_suite=self.suite, identity=text(name))

    def join(self, driver, name, package, commit, encrypt=False):
        reply = driver("join_group", transaction_id=package["transaction_id"],
                       welcome=commit["welcome"], encrypt_handshake=encrypt, identity=text(name),
                       ratchet_tree=commit["ratchet_tree"])
        return Member(driver, name, reply["state_id"])

    def full_commit(self, committer, members, references=(), **fields):
        """All enter the epoch, and agree."""
        commit = committer("commit", by_reference=list(references), **fields)
        expected = committer("handle_pending_commit")
        self.assertEqual(expected["state_id"], committer.state_id)
        for member in members:
            reply = member("handle_commit", proposal=list(references), commit=commit["commit"])
            self.assertEqual(reply["state_id"], member.state_id)
            self.assertEqual(reply["epoch_authenticator"], expected["epoch_authenticator"])
        return commit

    def agree(self, *members):
        self.assertEqual(len({member.auth() for member in members}), 1)
        exported = {member("export", label="test", context="0102", key_length=42)["exported_secret"]
                    for member in members}
        self.assertEqual(len(exported), 1)
        self.assertEqual(len(exported.pop()), 84)

    def pair(self, encrypt=False, **fields):
        alice = self.create(self.one, "alice", encrypt)
        package = self.key_package(self.two, "bob")
        add = {"proposal_type": "add", "key_package": package["key_package"]}
        commit = self.full_commit(alice, [], by_value=[add], **fields)
        return alice, self.join(self.two, "bob", package, commit, encrypt)

    def trio(self):
        alice, bob = self.pair()
        package = self.key_package(self.two, "carol")
        add = {"proposal_type": "add", "key_package": package["key_package"]}
        commit = self.full_commit(alice, [bob], by_value=[add])
        return alice, bob, self.join(self.two, "carol", package, commit)

    # --- who and what -----------------------------------------------------------------------

    def test_says_who_it_is(self):
        self.assertEqual(self.one("name"), {"name": "quicnprotochat"})
        self.assertEqual(self.one("supported_ciphersuites"), {"ciphersuites": list(SUITES)})

    def test_handles_count_up_and_are_freed(self):
        self.assertEqual(self.create(self.one, "alice").state_id, 1)
        self.assertEqual(self.key_package(self.one, "bob")["transaction_id"], 2)
        self.assertEqual(self.one("free", state_id=1), {})
        self.assertEqual(self.one.ask("free", state_id=1)["error"], "not_found")
        self.assertEqual(self.one.ask("state_auth", state_id=1)["error"], "not_found")
        self.assertEqual(self.one.ask("state_auth", state_id=2)["error"], "not_found")
        self.assertEqual(self.one("free", transaction_id=2), {})
        self.assertEqual(self.one.ask("free")["error"], "usage")
        self.assertEqual(self.create(self.one, "alice").state_id, 3)

    # --- becoming a member ------------------------------------------------------------------

    def test_joins_in_every_suite_public_and_private(self):
        for self.suite in SUITES:
            for encrypt in (False, True):
                with self.subTest(suite=self.suite, encrypt=encrypt):
                    alice, bob = self.pair(encrypt)
                    self.agree(alice, bob)
                    commit = self.full_commit(bob, [alice])["commit"]
                    self.assertEqual(commit[:8], "00010002" if encrypt else "00010001")

    def test_key_package_comes_with_its_private_keys(self):
        package = self.key_package(self.one, "alice")
        self.assertEqual(package["key_package"][:8], "00010005")
        for field in ("init_priv", "encryption_priv", "signature_priv"):
            self.assertEqual(len(package[field]), 64)

    def test_tree_beside_the_welcome(self):
        alice, bob = self.pair(external_tree=True)
        self.agree(alice, bob)
        package = self.key_package(self.two, "carol")
        add = {"proposal_type": "add", "key_package": package["key_package"]}
        commit = alice("commit", by_value=[add], external_tree=True)
        self.assertTrue(commit["ratchet_tree"])
        refused = self.two.ask("join_group", transaction_id=package["transaction_id"],
                               welcome=commit["welcome"])
        self.assertEqual(refused["error"], "missing_tree")
        # What was refused has used nothing up.
        alice("handle_pending_commit")
        self.agree(alice, self.join(self.two, "carol", package, commit))

    def test_external_join_and_rejoin(self):
        alice, bob = self.pair()
        for external_tree in (False, True):
            info = alice("group_info", external_tree=external_tree)
            self.assertEqual(bool(info["ratchet_tree"]), external_tree)
            joined = self.one("external_join", identity=text("carol"), remove_prior=external_tree,
                              **info)
            carol = Member(self.one, "carol", joined["state_id"])
            for member in (alice, bob):
                self.assertEqual(member("handle_commit", commit=joined["commit"])
                                 ["epoch_authenticator"], joined["epoch_authenticator"])
            self.agree(alice, bob, carol)

    def test_external_join_with_psk(self):
        alice = self.create(self.one, "alice")
        psk = {"psk_id": "0a", "psk_secret": "0b"}
        joined = self.two("external_join", identity=text("bob"), psks=[psk],
                          group_info=alice("group_info")["group_info"])
        self.assertEqual(alice.error("handle_commit", commit=joined["commit"]), "unknown_psk")
        self.one("store_psk", state_or_transaction_id=alice.state_id, **psk)
        alice("handle_commit", commit=joined["commit"])
        self.agree(alice, Member(self.two, "bob", joined["state_id"]))

    # --- messages ---------------------------------------------------------------------------

    def test_application_messages(self):
        alice, bob = self.pair()
        for n in range(3):
            sent = {"authenticated_data": f"0{n}", "plaintext": text("hello" * n)}
            sealed = alice("protect", **sent)["ciphertext"]
            broken = sealed[:-2] + ("00" if sealed[-2:] != "00" else "01")
            self.assertEqual(bob.error("unprotect", ciphertext=broken), "decrypt_failed")
            self.assertEqual(bob("unprotect", ciphertext=sealed), sent)
            self.assertEqual(bob.error("unprotect", ciphertext=sealed), "generation_used")

    def test_handshake_messages_are_no_application_messages(self):
        alice, bob = self.pair(encrypt=True)
        proposal = alice("update_proposal")["proposal"]
        self.assertEqual(bob.error("unprotect", ciphertext=proposal), "usage")
        self.assertEqual(bob.error("handle_commit", commit=proposal), "usage")
        self.full_commit(bob, [alice], [proposal])
        self.agree(alice, bob)

    # --- proposals and commits --------------------------------------------------------------

    def test_every_proposal_by_reference(self):
        for encrypt in (False, True):
            with self.subTest(encrypt=encrypt):
                alice, bob = self.pair(encrypt)
                dave = self.key_package(self.two, "dave")
                for member in (alice, bob):
                    member.driver("store_psk", state_or_transaction_id=member.state_id,
                                  psk_id="01", psk_secret="02")
                extensions = [{"extension_type": 3, "extension_data": "000000"}]
                references = [
                    bob("update_proposal")["proposal"],
                    bob("external_psk_proposal", psk_id="01")["proposal"],
                    bob("group_context_extensions_proposal", extensions=extensions)["proposal"],
                    alice("resumption_psk_proposal", epoch_id=1)["proposal"]]
                self.full_commit(alice, [bob], references)
                self.agree(alice, bob)
                references = [bob("add_proposal", key_package=dave["key_package"])["proposal"]]
                commit = self.full_commit(alice, [bob], references, force_path=True)
                member = self.join(self.two, "dave", dave, commit, encrypt)
                self.agree(alice, bob, member)
                references = [bob("remove_proposal", removed_id=text("dave"))["proposal"]]
                self.full_commit(alice, [bob], references)
                self.agree(alice, bob)

    def test_every_proposal_by_value(self):
        alice, bob = self.pair()
        package = self.key_package(self.two, "dave")
        for member in (alice, bob):
            member.driver("store_psk", state_or_transaction_id=member.state_id, psk_id="01",
                          psk_secret="02")
        self.two("store_psk", state_or_transaction_id=package["transaction_id"], psk_id="01",
                 psk_secret="02")
        commit = self.full_commit(alice, [bob], by_value=[
            {"proposal_type": "add", "key_package": package["key_package"]},
            {"proposal_type": text("externalPSK"), "psk_id": "01"},  # bytes, as the proto says
            {"proposal_type": "groupContextExtensions", "extensions": [
                {"extension_type": 3, "extension_data": "000000"}]}])
        dave = self.join(self.two, "dave", package, commit)
        self.agree(alice, bob, dave)
        self.full_commit(bob, [alice], by_value=[
            {"proposal_type": "remove", "removed_id": text("dave")},
            {"proposal_type": "resumptionPSK", "epoch_id": 1}])
        self.agree(alice, bob)

    def test_a_commit_holds_what_it_was_told_and_no_more(self):
        alice, bob = self.pair()
        first = bob("update_proposal")["proposal"]
        bob("remove_proposal", removed_id=text("alice"))
        self.full_commit(alice, [bob], [first])
        self.agree(alice, bob)
        # Not what a committer may not commit.
        own = alice("update_proposal")["proposal"]
        self.assertEqual(alice.error("commit", by_reference=[own]), "update_by_committer")

    def test_resumption_psk_of_long_ago(self):
        alice, bob = self.pair()
        for _ in range(8):
            self.full_commit(alice, [bob])
        self.full_commit(bob, [alice],
                         by_value=[{"proposal_type": "resumptionPSK", "epoch_id": 2}])
        self.agree(alice, bob)
        # Bob was not there yet.
        self.assertEqual(
            bob.error("commit", by_value=[{"proposal_type": "resumptionPSK", "epoch_id": 0}]),
            "unknown_psk")

    def test_a_foreign_commit_ends_a_pending_one(self):
        alice, bob = self.pair()
        alice("commit")
        self.full_commit(bob, [alice])
        self.assertEqual(alice.error("handle_pending_commit"), "usage")
        self.agree(alice, bob)

    def test_a_removed_member_has_no_authenticator(self):
        alice, bob, carol = self.trio()
        remove = {"proposal_type": "remove", "removed_id": text("carol")}
        commit = self.full_commit(alice, [bob], by_value=[remove])
        self.assertEqual(carol("handle_commit", commit=commit["commit"])["epoch_authenticator"], "")
        self.assertEqual(carol.auth(), "")
        for op in ("protect", "export", "group_info", "commit", "create_branch"):
            self.assertEqual(carol.error(op), "group_suspended")

    def test_a_refused_commit_changes_nothing(self):
        alice, bob = self.pair()
        proposal = alice("update_proposal")["proposal"]
        commit = bob("commit", by_reference=[proposal])["commit"]
        before = alice.auth()
        broken = commit[:-2] + ("00" if commit[-2:] != "00" else "01")
        self.assertIn("bad_", alice.error("handle_commit", proposal=[proposal], commit=broken))
        self.assertEqual(alice.auth(), before)
        alice("handle_commit", proposal=[proposal], commit=commit)
        bob("handle_pending_commit")
        self.agree(alice, bob)

    # --- groups that follow another ---------------------------------------------------------

    def test_reinitialization(self):
        for by_value in (False, True):
            for external_tree in (False, True):
                with self.subTest(by_value=by_value, external_tree=external_tree):
                    self.reinitialize(by_value, external_tree)

    def reinitialize(self, by_value, external_tree):
        alice, bob, carol = self.trio()
        fields = {"cipher_suite": 2, "group_id": text("next"),
                  "extensions": [{"extension_type": 3, "extension_data": "000000"}]}
        if by_value:
            references = []
            commit = alice("re_init_commit", by_value=[{"proposal_type": "reinit", **fields}])
        else:
            references = [bob("re_init_proposal", **fields)["proposal"]]
            commit = alice("re_init_commit", by_reference=references)
        ready = [alice("handle_pending_re_init_commit")]
        for member in (bob, carol):
            ready.append(member("handle_re_init_commit", proposal=references,
                                commit=commit["commit"]))
        self.assertEqual(len({r["epoch_authenticator"] for r in ready}), 1)
        self.assertEqual(alice.error("commit"), "group_suspended")
        packages = [ready[0]["key_package"], ready[2]["key_package"]]
        made = self.two("re_init_welcome", reinit_id=ready[1]["reinit_id"], key_package=packages,
                        external_tree=external_tree, force_path=True)
        members = [Member(self.two, "bob", made["state_id"])]
        for old, r in ((alice, ready[0]), (carol, ready[2])):
            reply = old.driver("handle_re_init_welcome", reinit_id=r["reinit_id"],
                               welcome=made["welcome"], ratchet_tree=made["ratchet_tree"])
            self.assertEqual(reply["epoch_authenticator"], made["epoch_authenticator"])
            members.append(Member(old.driver, old.name, reply["state_id"]))
        self.agree(*members)
        self.full_commit(members[1], [members[0], members[2]])

    def test_branch_and_subgroup(self):
        alice, bob, _ = self.trio()
        for op in ("create_branch", "create_subgroup"):
            package = self.key_package(self.two, "bob")
            made = alice(op, group_id=text("branch"), key_packages=[package["key_package"]],
                         external_tree=op == "create_branch")
            welcome = {"transaction_id": package["transaction_id"], "welcome": made["welcome"],
                       "ratchet_tree": made["ratchet_tree"]}
            self.assertEqual(self.two.ask("join_group", **welcome)["error"], "unknown_psk")
            reply = bob("handle_branch", **welcome)
            self.assertEqual(reply["epoch_authenticator"], made["epoch_authenticator"])
            self.full_commit(Member(self.two, "bob", reply["state_id"]),
                             [Member(self.one, "alice", made["state_id"])])
        self.agree(alice, bob)

    def test_a_branch_with_a_stranger_is_refused(self):
        alice, bob = self.pair()
        packages = [self.key_package(self.two, name) for name in ("bob", "mallory")]
        made = alice("create_branch", group_id=text("branch"),
                     key_packages=[p["key_package"] for p in packages])
        self.assertEqual(bob.error("handle_branch", welcome=made["welcome"],
                                   transaction_id=packages[0]["transaction_id"]), "wrong_successor")

    # --- from outside -----------------------------------------------------------------------

    def test_new_member_adds_itself(self):
        alice, bob = self.pair()
        info = alice("group_info")["group_info"]
        asked = self.two("new_member_add_proposal", group_info=info, identity=text("carol"))
        self.assertTrue(asked["init_priv"] and asked["encryption_priv"] and asked["signature_priv"])
        commit = self.full_commit(alice, [bob], [asked["proposal"]])
        self.agree(alice, bob, self.join(self.two, "carol", asked, commit))

    def test_external_signers_propose(self):
        alice, bob, _ = self.trio()
        for member in (alice, bob):
            member.driver("store_psk", state_or_transaction_id=member.state_id, psk_id="01",
                          psk_secret="02")
        signers = []
        for index in range(2):
            signer = self.two("create_external_signer", cipher_suite=1, identity=text("ds"))
            asked = alice("add_external_signer", external_sender=signer["external_sender"])
            self.assertEqual(asked["signer_index"], index)
            signers.append(signer["signer_id"])
            self.full_commit(alice, [bob], [asked["proposal"]])
        dave = self.key_package(self.one, "dave")
        descriptions = [
            {"proposal_type": "remove", "removed_id": text("carol")},
            {"proposal_type": "add", "key_package": dave["key_package"]},
            {"proposal_type": "externalPSK", "psk_id": "01"},
            {"proposal_type": "resumptionPSK", "epoch_id": 2},
            {"proposal_type": "groupContextExtensions", "extensions": []}]
        self.one("store_psk", state_or_transaction_id=dave["transaction_id"], psk_id="01",
                 psk_secret="02")
        for n, description in enumerate(descriptions):
            info = alice("group_info", external_tree=n % 2 == 0)
            proposal = self.two("external_signer_proposal", signer_id=signers[n % 2],
                                signer_index=n % 2, description=description, **info)["proposal"]
            self.full_commit(alice, [bob], [proposal])
            self.agree(alice, bob)

    # --- what is no request -----------------------------------------------------------------

    def test_goes_on_after_garbage(self):
        alice = self.create(self.one, "alice")
        for line, reason in [
                (b"", "malformed"), (b"{", "malformed"), (b"[]", "malformed"), (b"7", "malformed"),
                (b"\xff\xfe\x00", "malformed"), (b"[" * 100000, "too_large"), (b"{}", "usage"),
                (b'{"op":"nothing"}', "usage"), (b'{"op":7}', "malformed"),
                (b'{"op":"x\xff"}', "malformed"), (b'{"op":"create_group"}', "unsupported"),
                (b'{"op":"create_group","cipher_suite":65537}', "malformed"),
                (b'{"op":"create_group","cipher_suite":-1}', "malformed"),
                (b'{"op":"create_group","cipher_suite":"1"}', "malformed"),
                (b'{"op":"create_group","cipher_suite":1,"identity":"0"}', "malformed"),
                (b'{"op":"create_group","cipher_suite":1,"identity":"zz"}', "malformed"),
                (b'{"op":"commit","state_id":1,"by_value":{}}', "malformed"),
                (b'{"op":"commit","state_id":1,"by_value":[1]}', "malformed"),
                (b'{"op":"commit","state_id":1,"by_value":[{"proposal_type":"x"}]}', "malformed"),
                (b'{"op":"commit","state_id":1,"by_reference":"00"}', "malformed"),
                (b'{"op":"commit","state_id":1,"by_reference":["00"]}', "malformed"),
                (b'{"op":"commit","state_id":1,"force_path":1}', "malformed"),
                (b'{"op":"export","state_id":1,"key_length":70000}', "too_large"),
                (b'{"op":"join_group","transaction_id":1,"welcome":"00"}', "malformed"),
                (b'{"op":"remove_proposal","state_id":1,"removed_id":"00"}', "not_found"),
                (b'{"op":"handle_pending_commit","state_id":1}', "usage")]:
            with self.subTest(line=line[:80]):
                reply = self.one.line(line)
                self.assertEqual(reply["error"], reason)
                self.assertTrue(reply["message"])
        self.assertTrue(alice.auth())

    def test_unknown_and_null_fields_are_ignored(self):
        reply = self.one("create_group", cipher_suite=1, group_id=None, more={"a": [1]})
        self.assertEqual(reply, {"state_id": 1})

    def test_a_line_that_is_too_long_is_skipped(self):
        self.assertEqual(self.one.line(b" " * ((16 << 20) + 1))["error"], "too_large")
        self.assertEqual(self.one("name"), {"name": "quicnprotochat"})

    def test_a_line_that_holds_too_much_is_skipped(self):
        """Short values take many times their bytes in memory, and so does depth."""
        for line in [b"[" * (15 << 20), b'{"a":' * (3 << 20), b"[" + b"[]," * (5 << 20) + b"0]",
                     b"[" + b"1," * (7 << 20) + b"1]", b'{"op":"name","x":' + b"[" * 16]:
            with self.subTest(line=line[:20]):
                self.assertEqual(self.one.line(line)["error"], "too_large")
        self.assertEqual(self.one("name"), {"name": "quicnprotochat"})


if __name__ == "__main__":
    unittest.main()
