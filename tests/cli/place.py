# SPDX-License-Identifier: MIT
"""Tests with a folder of their own."""

import tempfile
import unittest
from pathlib import Path


class InFolder(unittest.TestCase):
    """self.place is an empty folder, which is gone after the test."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.place = Path(folder.name)
