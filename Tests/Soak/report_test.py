"""The report's arithmetic."""
import unittest

from report import memory, percentiles, recoveries


class ReportTest(unittest.TestCase):
    def test_percentiles_are_values_that_were_measured(self):
        found = percentiles(range(1, 1002))
        self.assertEqual(found, {"p50": 501, "p95": 951, "p99": 991, "p99.9": 1000, "p100": 1001})
        self.assertEqual(percentiles([]), {})

    def test_silence_reaches_from_before_the_kill_to_after_its_window(self):
        steady = [float(t) for t in range(100)]
        silent = [t for t in steady if not 10 < t < 18]
        self.assertEqual(recoveries([9.5], [steady, silent], 100), [8])
        # Still silent when the second kill comes: both see the whole of it.
        self.assertEqual(recoveries([11, 14], [steady, silent], 100), [8, 8])
        self.assertEqual(recoveries([50.5], [steady, silent], 100), [1])

    def test_silence_long_after_a_kill_is_not_its_own(self):
        times = [float(t) for t in range(100) if not 60 < t < 90]
        self.assertEqual(recoveries([10.5], [times], 100), [1])

    def test_memory_is_judged_by_the_second_half_of_long_lives(self):
        def life(instance, resident):
            return [(t, instance, 1, resident(t)) for t in range(200)]

        grows_first = life("a", lambda t: 100 + min(t, 50))
        grows = life("b", lambda t: 1000 + 2 * t)
        short = [(t, "c", 1, 100 * t) for t in range(60)]
        self.assertEqual(memory(grows_first + short)["verdict"], "flat")
        self.assertEqual(memory(grows_first + grows)["verdict"], "not flat")
        self.assertEqual(memory(short)["verdict"], "no process lived long enough")


if __name__ == "__main__":
    unittest.main()
