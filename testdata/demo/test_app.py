"""python3 -m unittest, in this folder; needs python3-flask."""

import os
import unittest
from unittest import mock

from app import VERSION, app


class Answers(unittest.TestCase):
    def setUp(self):
        self.client = app.test_client()

    def test_names_its_version(self):
        with mock.patch.dict(os.environ, {"GREETING": "good day"}):
            answer = self.client.get("/")
        self.assertEqual(answer.text, f"good day from version {VERSION}\n")

    def test_is_healthy(self):
        answer = self.client.get("/health")
        self.assertEqual(answer.json, {"status": "ok", "version": VERSION})


if __name__ == "__main__":
    unittest.main()
