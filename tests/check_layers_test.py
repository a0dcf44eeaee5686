#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Shows that each rule of check_layers.py sees a breach of it, and sees none in a tree without. Prints TAP."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.dont_write_bytecode = True
import check_layers as check  # noqa: E402

LICENCE = "// SPDX-License-Identifier: MIT\n"
GOOD = {
    "pe/types.h": LICENCE + "#include <stdint.h>\n",
    "pe/README.md": "",
    "exo/README.md": "",
    "libos/README.md": "",
    "tools/README.md": "",
    "exo/arch/arch.h": LICENCE + '#include "arch_inline.h"\n',
    "exo/arch/host/host.h": LICENCE,
    "exo/arch/x86_64/apic.h": LICENCE,
    "exo/frame.c": LICENCE + '#include "pe/types.h"\n#include "exo/arch/arch.h"\n// "libos/core/x.h" is not included\n',
    "exo/frame.h": LICENCE + "#ifdef CALL\n#endif\n",
    "libos/core/x.h": LICENCE + '#include "pe/types.h"\n',
    "tools/run.py": "#!/usr/bin/python3\n# SPDX-License-Identifier: MIT\n",
}
MARK = "TO" + "DO"
# rule, file to add or replace, its text, line of the breach
BREACHES = [
    (check.includes_go_down, "exo/bad.c", LICENCE + '#include "libos/core/x.h"\n', 2),
    (check.includes_go_down, "libos/core/bad.c", LICENCE + '\n#include "exo/frame.h"\n', 3),
    (check.includes_go_down, "pe/bad.h", LICENCE + ' # include "exo/frame.h"\n', 2),
    (check.includes_go_down, "exo/bad.c", LICENCE + '#include "types.h"\n', 2),
    (check.includes_go_down, "exo/bad.c", LICENCE + "#include <pe/types.h>\n", 2),
    (check.includes_go_down, "new/bad.c", LICENCE + '#include "pe/types.h"\n', 2),
    (check.machines_stay_in_arch, "exo/bad.c", LICENCE + '#include "exo/arch/host/host.h"\n', 2),
    (check.machines_stay_in_arch, "exo/arch/x86_64/bad.c", LICENCE + '#include "exo/arch/host/host.h"\n', 2),
    (check.no_conditions_on_the_architecture, "exo/bad.c", LICENCE + "#ifdef __x86_64__\n#endif\n", 2),
    (check.no_conditions_on_the_architecture, "libos/core/bad.c", LICENCE + "#if 1\n#elif defined(__aarch64__)\n", 3),
    (check.assembly_stays_low, "exo/bad.S", LICENCE, 1),
    (check.files_are_short, "exo/bad.c", LICENCE + "int x;\n" * 400, 401),
    (check.lines_are_narrow, "tools/bad.py", "# SPDX-License-Identifier: MIT\n" + "#" * 121 + "\n", 2),
    (check.kernel_is_small, "exo/bad.c", LICENCE + "int x;\n" * 6000, 1),
    (check.files_name_their_licence, "exo/bad.c", "int x;\n", 1),
    (check.files_name_their_licence, "tools/bad.py", "#!/usr/bin/python3\nimport sys\n", 2),
    (check.no_marks_of_unfinished_work, "exo/bad.c", LICENCE + f"// {MARK}: later\n", 2),
    (check.folders_have_a_readme, "apps/hello.c", LICENCE, 1),
    (check.readmes_name_their_files, "tools/README.md", "| file | what |\n| `main.py` | `runner` |\n", 1),
]


def main():
    results = []
    check.print = lambda *_: None  # remarks of rules
    for title, rule in check.RULES:
        found = list(rule(GOOD))
        results.append((not found, f"a good tree keeps the rule: {title}", found))
    for rule, name, text, line in BREACHES:
        found = list(rule(GOOD | {name: text}))
        expected = len(found) == 1 and found[0][1] == line
        results.append((expected, f"{rule.__name__} sees a breach in {name}:{line}", found))
    small = GOOD | {"exo/bad.c": LICENCE + "// comment\n\n/* more\n */\n" * 6000}
    results.append((not list(check.kernel_is_small(small)), "comments and blank lines are no code", []))
    print(f"1..{len(results)}")
    for number, (good, title, found) in enumerate(results, 1):
        print(f"{'ok' if good else 'not ok'} {number} - {title}")
        if not good:
            print(f"# found: {found}")
    return 0 if all(good for good, _, _ in results) else 1


if __name__ == "__main__":
    sys.exit(main())
