"""The policy as plain Python: `python3 -m unittest`."""

import json
import unittest
from pathlib import Path

from priority import CLASSES, NotOffered, class_of


class ClassOf(unittest.TestCase):
    def test_the_label_chooses_among_the_classes(self) -> None:
        self.assertEqual(class_of({}, ["a", "b"]), "a")
        self.assertEqual(class_of({"priority": "b"}, ["a", "b"]), "b")

    def test_a_class_that_is_not_offered_is_refused(self) -> None:
        with self.assertRaisesRegex(NotOffered, "urgent is not offered; write one of: a, b"):
            class_of({"priority": "urgent"}, ["a", "b"])

    def test_the_schema_has_the_same_default(self) -> None:
        schema = json.loads(Path("parameters.schema.json").read_text(encoding="utf-8"))
        self.assertEqual(schema["properties"]["classes"]["default"], CLASSES)


if __name__ == "__main__":
    unittest.main()
