# SPDX-License-Identifier: MIT
"""The page about a comparison's results: page.py puts it together, the other files draw its parts."""
