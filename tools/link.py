# SPDX-License-Identifier: MIT
"""Applications linked with library OSes: the executable of a pair, or why there can be none.

The build links every pair that can be linked to apps/APP.LIBOS. For any other pair the linker is asked here, with the
same object file and archive, and what it finds undefined is what the library OS does not provide.
"""

import re
import shutil
import subprocess

from tools import paths, registry
from tools.errors import BinderyError, Missing, Usage, unknown

# In the build folder's libos: a library OS's archive, and what it adds of musl (libos/meson.build).
ARCHIVES = {"unix": ("unix/linked/libunix.a", "libc-all.a"), "dos": ("dos/libdos.a", "libc-pure.a")}
UNDEFINED = re.compile(r"undefined symbol: (\S+)")


def executable(app, libos):
    """The path of an application linked with a library OS."""
    registry.require("library OS", libos, registry.LIBOSES)
    path = paths.BUILD / "apps" / f"{app}.{libos}"
    if path.exists():
        return path
    if app not in registry.apps():
        raise unknown("application", app, registry.apps())
    missing = missing_services(app, libos)
    if not missing:
        raise Missing(f"there is no {paths.in_words(path)}; ./bindery build makes it")
    raise Usage(sentence(app, libos, missing, _who_has(app, libos)))


def sentence(app, libos, missing, others):
    """Says which services are missing and who provides them."""
    services = " and ".join([", ".join(missing[:-1]), missing[-1]] if len(missing) > 1 else missing)
    plural = "services" if len(missing) > 1 else "service"
    where = f" ({', '.join(others)} does)" if others else ""
    return f"{app} needs the {plural} {services}, which the library OS {libos} does not provide{where}"


def _who_has(app, libos):
    return [other for other in registry.LIBOSES
            if other != libos and (paths.BUILD / "apps" / f"{app}.{other}").exists()]


def missing_services(app, libos):
    """The symbols that a link of the application with the library OS leaves undefined."""
    objects = sorted((paths.BUILD / "apps").rglob(f"{app}.c.o")) + sorted((paths.BUILD / "apps").glob(f"{app}.o"))
    archive, libc = (paths.BUILD / "libos" / name for name in ARCHIVES[libos])
    for needed in (objects[0] if objects else paths.BUILD / "apps" / f"{app}.c.o", archive, libc):
        if not needed.exists():
            raise Missing(f"there is no {paths.in_words(needed)}; ./bindery build makes it")
    linker = shutil.which("ld.lld-19") or shutil.which("ld.lld")
    words = [linker, "-static", "--gc-sections", "-o", "/dev/null", "--error-limit=0",
             "-T", str(paths.ROOT / "libos" / "core" / "pe.ld"), str(objects[0]), str(archive), str(libc)]
    said = subprocess.run(words, capture_output=True, text=True).stderr
    found = sorted(set(UNDEFINED.findall(said)))
    if not found and "error:" in said:
        raise BinderyError(f"{app} cannot be linked with {libos}:", said)
    return found
