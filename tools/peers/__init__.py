# SPDX-License-Identifier: MIT
"""The systems that Bindery is measured beside, one module each: measure(options) gives rows.

    from tools.peers import common, debian, foreign

    def measure(options):                                    # options: common.Options
        kernel = debian.file_of("linux-image-cloud-amd64", "boot/vmlinuz-*")   # unpacked, never installed
        with session.scratch() as folder:
            heard = foreign.boot(["-kernel", kernel, …], folder, "Linux", options.timeout)
        return common.rows_of(heard.events)

Rows are those of `bench fault`: common.py says what is in them. What cannot be measured raises common.Skipped, or is
a row that says why; `bench peers` shows both, so that nothing is missing without a word.
"""
