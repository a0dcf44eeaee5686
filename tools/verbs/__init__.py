# SPDX-License-Identifier: MIT
"""One file per verb of the command line; each defines one click command named like the verb."""
