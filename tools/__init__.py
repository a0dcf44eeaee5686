# SPDX-License-Identifier: MIT
"""The host side of `bindery`. Begin with main.py; README.md says which file does what."""
