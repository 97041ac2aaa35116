import math
import unittest

from figures import median_ratio, percentile, show, steady_throughput, table
from workload import Workload, below, split_mix


class PercentileTest(unittest.TestCase):
    def test_nearest_rank(self):
        values = list(range(1, 1001))
        self.assertEqual(percentile(values, 0.5), 500)
        self.assertEqual(percentile(values, 0.99), 990)
        self.assertEqual(percentile(values, 0.999), 999)
        self.assertEqual(percentile(values, 1), 1000)

    def test_few_values(self):
        self.assertEqual(percentile([7], 0.001), 7)
        self.assertEqual(percentile([1, 2], 0.5), 1)
        self.assertEqual(percentile([1, 2], 0.51), 2)

    def test_refuses_what_has_none(self):
        with self.assertRaises(ValueError):
            percentile([], 0.5)
        with self.assertRaises(ValueError):
            percentile([1], 0)


class ThroughputTest(unittest.TestCase):
    def test_the_first_append_does_not_count(self):
        self.assertEqual(steady_throughput({1000: 50, 1250: 100, 1500: 100}), 400)

    def test_one_append_has_no_throughput(self):
        self.assertTrue(math.isnan(steady_throughput({1000: 50})))


class RatioTest(unittest.TestCase):
    def test_pairs_of_rounds(self):
        # The ratio of the medians would be 1.
        self.assertEqual(median_ratio([1, 2, 9], [2, 1, 3]), 2)

    def test_unequal_rounds(self):
        with self.assertRaises(ValueError):
            median_ratio([1], [1, 2])
        with self.assertRaises(ValueError):
            median_ratio([], [])

    def test_zero(self):
        self.assertTrue(math.isnan(median_ratio([1], [0])))


class TextTest(unittest.TestCase):
    def test_columns(self):
        self.assertEqual(table(["", "A"], [["long", "1"], ["b", "200"]]), "        A\nlong    1\nb     200")

    def test_numbers(self):
        self.assertEqual([show(x) for x in (12345.6, 123.45, 12.34, 1.234, float("nan"), None)],
                         ["12,346", "123.5", "12.3", "1.23", "-", "-"])


class WorkloadTest(unittest.TestCase):
    def test_generator(self):
        # Of the reference implementation with the seed 1234567.
        random = split_mix(1234567)
        self.assertEqual([next(random) for _ in range(3)],
                         [6457827717110365317, 3203168211198807973, 9817491932198370423])

    def test_below_rejects_the_uneven_rest(self):
        # (1 << 64) % 3 is 1: only a low half of 0 is refused.
        self.assertEqual(below(3, iter([0, 1 << 63])), 1)

    def test_body(self):
        body = Workload().body(257, "x")
        self.assertTrue(body.startswith(
            '{"id":"x","inputs":[{"name":"pixels","shape":[1,64],"datatype":"FP32","data":['))
        self.assertEqual(body.count(","), 68)
        self.assertEqual(Workload().body(1, "x"), body)


if __name__ == "__main__":
    unittest.main()
