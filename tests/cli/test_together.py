# SPDX-License-Identifier: MIT
"""Applications that run at the same time: under local replacement a neighbour changes nothing, under global it does."""

import random
import unittest

from tests.cli.command import bindery, is_built
from tests.cli.place import InFolder

CALM, LOOP = 90, 300  # pages


class Usage(unittest.TestCase):
    def refused(self, sentence, *words):
        result = bindery("together", *words)
        self.assertEqual((result.status, result.out), (2, ""))
        self.assertIn(sentence, result.err)

    def test_what_is_wrong_is_said_in_a_sentence(self):
        self.refused("two applications or more", "loop")
        self.refused("did you mean “local”", "bfs,loop", "--replacement", "locl")
        self.refused("unknown policy", "bfs,loop", "--policy", "clok1")
        self.refused("--policy has 3 items", "bfs,loop", "--policy", "fifo,lifo,lru")
        self.refused("at least 8 are needed", "bfs,loop", "--frames", "100,7")
        self.refused("give one of them", "bfs,loop", "--frames", "100", "--memory", "1M")
        self.refused("expected a number of frames", "bfs,loop", "--frames", "50%")
        self.refused("at most 896", "bfs,loop", "--frames", "900")
        self.refused("an empty item", "bfs,,loop")


@unittest.skipUnless(is_built(), "needs a built system")
class Together(InFolder):
    def setUp(self):
        super().setUp()
        draw = random.Random(1)
        self.calm, self.loop = self.place / "calm.txt", self.place / "loop.txt"
        self.calm.write_text("".join(f"{draw.randrange(CALM)} {'W' if draw.random() < .2 else 'R'}\n"
                                     for _ in range(300_000)))
        self.loop.write_text("".join(f"{page % LOOP} R\n" for page in range(9000)))

    def test_a_thrashing_neighbour_costs_no_fault_under_local_and_some_under_global_replacement(self):
        result = bindery("together", f"{self.calm},{self.loop}", "--frames", f"{CALM},{CALM}", "--json")
        self.assertEqual(result.status, 0, result.err)
        rows = {(row["replacement"], row["workload"]): row for row in result.json()["rows"]}
        self.assertEqual(list(rows), [(kind, name) for kind in ("local", "global") for name in ("calm", "loop")])
        calm, loop = rows["local", "calm"], rows["local", "loop"]
        self.assertEqual((calm["alone"], calm["faults"], calm["difference"], calm["same_victims"]),
                         (CALM, CALM, 0, True))
        self.assertEqual((loop["alone"], loop["faults"], loop["difference"], loop["same_victims"]),
                         (9000, 9000, 0, True))
        self.assertEqual({(row["came"], row["went"], row["frames_end"]) for row in (calm, loop)}, {(0, 0, CALM)})
        calm, loop = rows["global", "calm"], rows["global", "loop"]
        self.assertEqual((calm["alone"], loop["alone"]), (CALM, 9000))
        self.assertGreater(calm["difference"], 0)  # it needs each of its frames
        self.assertEqual(calm["difference"], calm["faults"] - CALM)
        self.assertGreater(calm["went"], 0)
        self.assertGreater(loop["came"], 0)

    def test_each_has_its_own_policy_and_local_replacement_leaves_its_victims_alone(self):
        result = bindery("together", "zipfkv,loop,bfs", "--frames", "90,80,60", "--policy", "clockpro,lru,pff",
                         "--replacement", "local", "--csv")
        self.assertEqual(result.status, 0, result.err)
        head, *lines = (line.split(",") for line in result.out.splitlines())
        rows = [dict(zip(head, line)) for line in lines]
        self.assertEqual([(row["workload"], row["policy"], row["frames"]) for row in rows],
                         [("zipfkv", "clockpro", "90"), ("loop", "lru", "80"), ("bfs", "pff", "60")])
        for row in rows:
            self.assertEqual((row["difference"], row["same_victims"], row["faults"]), ("0", "True", row["alone"]))
            self.assertGreater(int(row["faults"]), int(row["frames"]))
