# SPDX-License-Identifier: MIT
"""Building with meson and ninja. Nothing here is special: plain `meson setup build` and `meson compile` do the same.

meson is run only when the build folder was not set up yet, and when a policy's file has come or gone, which ninja can't
know; ninja itself finds out quickly that nothing else changed.
"""

import os
import re
import shutil
import subprocess
import sys

from libos.pager.policy import find
from tools import packages, paths, terminal
from tools.errors import BinderyError, Missing, tail

COMPILER_OLDEST = "19"
NOISE = re.compile(r"ninja: Entering|(\S*/)?(clang|ccache)\S* ")  # lines of a failure that say nothing to people
# Targets in build.ninja that make up the system: kernel, init, applications, simulator.
SYSTEM = re.compile(r"(?m)^build (exo/bindery-kernel|libos/(?:init/init|unix/unix|pager/bindery-sim|\S+\.a)"
                    r"|apps/(?:\w+\.(?:unix|dos|bare)|bench_ways)):")
# What runs on the systems that Bindery is measured beside; nothing else needs it.
PEERS = re.compile(r"(?m)^build (peers/[^\s:]+): c_LINKER")
STEP = re.compile(r"\[(\d+)/(\d+)\]")


def _first(package, *names):
    """The first of some commands that is there; the package that has it is named if none is."""
    for name in names:
        if shutil.which(name):
            return name
    raise Missing(f"{names[0]} is missing; {packages.how_to_get([package])}")


def environment():
    """The environment in which meson is set up: our compiler and linker."""
    compiler = os.environ.get("CC") or _first("clang-19", "clang-19", "clang")
    version = packages.version(compiler)
    if version is None or not packages.at_least(version, COMPILER_OLDEST):
        raise Missing(f"{compiler} is version {version or 'unknown'}; Bindery needs clang {COMPILER_OLDEST} or newer")
    linker = _first("lld-19", "ld.lld-19", "ld.lld").removeprefix("ld.")
    return os.environ | {"CC": compiler, "CC_LD": linker}


def build(everything=True, peers=False, targets=()):
    """Builds everything, or the system (with `peers` what is measured beside it, too), with progress on stderr; or only
    some targets, files in the build folder.

    With BINDERY_BUILT=1 in the environment it does nothing: the tests that meson runs use what meson has built.
    """
    if os.environ.get("BINDERY_BUILT") == "1":
        return
    meson, ninja = _first("meson", "meson"), _first("ninja-build", "ninja")
    paths.BUILD.mkdir(parents=True, exist_ok=True)
    log = paths.BUILD / "bindery-build.log"
    rules = paths.BUILD / "build.ninja"
    again = ["--reconfigure"] if rules.exists() else []
    if not again or _policies_differ():
        terminal.say(f"setting up {paths.in_words(paths.BUILD)}{' again: the policies are others' if again else ''}")
        words = [meson, "setup", *again, str(paths.BUILD), str(paths.ROOT)]
        with open(log, "w") as out:
            if subprocess.run(words, env=environment(), stdout=out, stderr=out).returncode:
                raise BinderyError(f"meson setup failed; the end of {paths.in_words(log)}:", tail(log))
    words = [ninja, "-C", str(paths.BUILD), *targets]
    if everything or targets:
        _compile(words, log)
        return
    before = None
    while before != rules.read_text():  # ninja first remakes its rules if a meson.build has changed
        before = rules.read_text()
        _compile([*words, *SYSTEM.findall(before), *(PEERS.findall(before) if peers else ())], log)


def _policies_differ():
    """Has a policy's file come or gone since meson asked for them? (meson.build of libos/pager writes the list.)"""
    try:
        return not paths.POLICIES.exists() or paths.POLICIES.read_text() != find.others()
    except find.Wrong as wrong:
        raise BinderyError(f"libos/pager/policy: {wrong}") from None


def _compile(words, log):
    """Runs ninja, shows its count, and on failure what the compiler said."""
    live = terminal.colour(sys.stderr) and not terminal.quiet()
    said, failed = False, []
    with open(log, "a") as out, subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                                 errors="replace") as ninja:
        for line in ninja.stdout:
            out.write(line)
            step = STEP.match(line)
            if not step:
                if not NOISE.match(line):
                    failed.append(line)
                terminal.detail(line.rstrip())
            elif live:
                sys.stderr.write(f"\r\x1b[Kbindery: building {step[1]} of {step[2]}")
                sys.stderr.flush()
            elif not said:
                terminal.say(f"building ({step[2]} steps)")
            said = said or step is not None
    if live and said:
        sys.stderr.write("\r\x1b[K")
    if ninja.returncode:
        raise BinderyError(f"the build failed (log: {paths.in_words(log)}):", "".join(failed[-30:]))
