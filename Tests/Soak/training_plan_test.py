"""The plan is a function of its seed, and the rows and requests are what the topic's schema says."""
import json
import unittest

from training_plan import CLASSES, DELAYS, TRIGGERS, kills, request, row


class TrainingPlanTest(unittest.TestCase):
    def test_kills_are_a_function_of_the_seed(self):
        plan = kills(1, 20, 10, 0.05, 3)
        self.assertEqual(plan, kills(1, 20, 10, 0.05, 3))
        self.assertNotEqual(plan, kills(2, 20, 10, 0.05, 3))
        self.assertEqual({kill.trigger for kill in plan}, set(TRIGGERS))

    def test_kills_are_within_the_job(self):
        for kill in kills(3, 500, 10, 0.05, 3):
            longest = {"time": 10, "bundle": 0.06, **DELAYS}[kill.trigger]
            self.assertTrue(0 <= kill.delay <= longest, kill)
            self.assertIn(kill.fold, range(3))

    def test_a_row(self):
        document = json.loads(row([0.0, 16.0, 3.0], 7))
        self.assertEqual(document, {"image": [0, 16, 3], "digit": CLASSES[7]})

    def test_bounds(self):
        dataset = request("t", 3, 10, 7, {0: 12, 1: 9})["dataset"]
        self.assertEqual((dataset["from"], dataset["to"]), ("earliest", {"offsets": {"0": 12, "1": 9}}))
        self.assertEqual(request("t", 3, 10, 7)["dataset"]["to"], "latest")


if __name__ == "__main__":
    unittest.main()
