#!/usr/bin/env python3
"""Keys are made new without being asked for: after so many messages, and after so many hours."""

from clock import needs_faketime, person_of_day
from world import USAGE, World, main


class Refresh(World):
    def begin(self, alice):
        self.alice, self.bob = alice, self.person("bob")
        self.group_of(self.alice, self.bob)
        self.epoch = self.bob.must("groups")[0]["epoch"]

    def renewals(self):
        """How many epochs Bob sees that he has not seen before."""
        self.bob.must("sync")
        before, self.epoch = self.epoch, self.bob.must("groups")[0]["epoch"]
        return self.epoch - before


class AfterMessages(Refresh):
    def setUp(self):
        super().setUp()
        self.begin(self.person("alice"))

    def assert_bob_follows(self, said):
        self.assertEqual(self.bob.texts("received"), said)
        self.assertEqual(self.alice.agreement(), self.bob.agreement())

    def test_of_ours(self):
        self.alice.options = ["--refresh-messages", "3"]
        said = []
        for renewals in (0, 0, 1, 0, 0, 1, 0):
            said.append(f"{len(said)}")
            self.alice.must("send", "--msg", said[-1])
            self.bob.must("send", "--msg", "theirs are not counted")
            self.assertEqual(self.renewals(), renewals)
        self.assert_bob_follows(said)

    def test_by_the_environment(self):
        self.alice.environment = {"QUICNPROTOCHAT_REFRESH_MESSAGES": "1"}
        said = ["one", "two", "three"]
        for text in said:
            self.alice.must("send", "--msg", text)
        self.assertEqual(self.renewals(), 3)
        self.assert_bob_follows(said)

    def test_an_update_counts(self):
        self.alice.options = ["--refresh-messages", "2"]
        self.alice.must("send", "--msg", "one")
        self.alice.must("update")
        self.alice.must("send", "--msg", "two")
        self.assertEqual(self.renewals(), 1)
        self.assert_bob_follows(["one", "two"])

    def test_never_is_no_number(self):
        self.expect(USAGE, self.alice.run("--refresh-messages", "0", "sync"))
        self.expect(USAGE, self.alice.run("--refresh-hours", "0", "sync"))


@needs_faketime
class AfterHours(Refresh):
    def setUp(self):
        super().setUp()
        self.begin(person_of_day(self, "alice", 0))

    def renewals_on_day(self, day):
        self.alice.clock.shift_days(day)
        self.alice.must("sync")
        count = self.renewals()
        self.alice.must("sync")  # once is enough
        self.assertEqual(self.renewals(), 0)
        self.assertEqual(self.alice.agreement(), self.bob.agreement())
        return count

    def test_of_which_a_week_is_the_default(self):
        self.assertEqual([self.renewals_on_day(day) for day in (6, 8, 14, 16)], [0, 1, 0, 1])

    def test_as_many_as_are_asked_for(self):
        self.alice.options = ["--refresh-hours", "36"]
        self.assertEqual([self.renewals_on_day(day) for day in (1, 2, 3, 4)], [0, 1, 0, 1])

    def test_while_it_only_follows(self):
        follower = self.follow(self.alice)
        self.bob.must("send", "--msg", "today")
        self.assertIn(b"today", follower.stdout.readline())
        self.assertEqual(self.renewals(), 0)
        self.alice.clock.shift_days(8)
        self.bob.must("send", "--msg", "next week")  # it would look by itself in a while
        self.assertIn(b"next week", follower.stdout.readline())
        self.assertEqual(self.renewals(), 1)

    def test_in_every_group_but_where_nobody_else_is(self):
        self.alice.must("create-group", "--group-id", "alone")
        self.alice.must("create-group", "--group-id", "work")
        self.alice.must("invite", "--group-id", "work", "--peer-key", self.bob.key)
        self.alice.clock.shift_days(8)
        self.alice.must("sync")
        self.assertEqual({group["group"]: group["epoch"] for group in self.alice.must("groups")},
                         {"friends": 2, "alone": 0, "work": 2})


if __name__ == "__main__":
    main()
