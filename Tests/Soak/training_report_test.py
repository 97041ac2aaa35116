"""A report says what was violated, and passes only when nothing was."""
import types
import unittest

from training_audit import Bundles, TrainingAudit
from training_report import document, text


class TrainingReportTest(unittest.TestCase):
    def setUp(self):
        self.audit = TrainingAudit(Bundles("nowhere"), "m")
        self.report = {
            "scenario": "kill", "lines": ["a table"], "facts": {"jobs": 2, "aborted records": {"events": 1}},
            "audit": self.audit, "problems": [],
            "run": types.SimpleNamespace(name="run", options=types.SimpleNamespace(seed=1))}

    def test_passes_when_nothing_was_found(self):
        self.assertTrue(document(self.report)["passed"])
        self.assertTrue(text(self.report).rstrip().endswith("PASSED"))

    def test_fails_with_each_kind_of_the_audit(self):
        for kind in TrainingAudit.KINDS:
            self.setUp()
            self.audit.found(kind, "what was found")
            self.assertFalse(document(self.report)["passed"], kind)
            said = text(self.report)
            self.assertTrue(said.rstrip().endswith("FAILED"), kind)
            self.assertIn(f"{kind.replace('_', ' ')}: what was found", said)

    def test_fails_with_a_problem_of_the_scenario(self):
        self.report["problems"] = ["the ratio"]
        for audit in (self.audit, None):
            self.report["audit"] = audit
            self.assertFalse(document(self.report)["passed"])
            self.assertIn("problem: the ratio", text(self.report))


if __name__ == "__main__":
    unittest.main()
