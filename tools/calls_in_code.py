# SPDX-License-Identifier: MIT
"""Which system calls x86-64 code may make, found by disassembling it.

    found = calls_in(code, word)   # code: [(address, bytes), …]; word(address): eight bytes of the program's data
    found.places                   # {number: addresses of `syscall` that may have it in eax}
    found.untold                   # addresses of `syscall` whose number cannot be told

A call through a word that leads to `syscall; ret` counts as that instruction: so do programs of bindery-cc.

From each `syscall` the value of eax is followed backwards, over every instruction that may come before it: the one
above, those that jump here, those that call here. A path ends well at a constant. It cannot be told if the value comes
from memory, from arithmetic, from a function's result, or from a caller that is not seen, as behind a pointer.

Instructions are read in a row, so data in the middle of code may hide or invent a few of them. Code that a program
makes while it runs is not seen.
"""

import re
from dataclasses import dataclass, field

STEPS = 4000  # instructions looked at for one `syscall`
WIDE = [[f"r{name}", f"e{name}", name] + ([f"{name[0]}l"] if name[1] == "x" else [f"{name}l"])
        for name in ("ax", "bx", "cx", "dx", "si", "di", "bp", "sp")]
WIDE += [[f"r{number}", f"r{number}d", f"r{number}w", f"r{number}b"] for number in range(8, 16)]
REGISTER = {name: names[0] for names in WIDE for name in names} | {"ah": "rax", "bh": "rbx", "ch": "rcx", "dh": "rdx"}
WHOLE = {name for names in WIDE for name in names[:2]}  # writing one of these leaves nothing of the old value
LOST_IN_CALLS = {"rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11"}
TRAP = b"\x0f\x05\xc3"  # syscall; ret
THROUGH = re.compile(r"qword ptr \[rip ([+-]) (0x[0-9a-f]+|\d+)\]")
READS_ONLY = {"cmp", "test", "push", "nop", "bt", "endbr64", "ud2", "hlt", "int3", "pause", "leave", "prefetcht0"}
ALSO_WRITES = {"syscall": {"rax", "rcx", "r11"}, "cpuid": {"rax", "rbx", "rcx", "rdx"}, "rdtsc": {"rax", "rdx"},
               "mul": {"rax", "rdx"}, "div": {"rax", "rdx"}, "idiv": {"rax", "rdx"}, "imul": {"rax", "rdx"},
               "cqo": {"rdx"}, "cdq": {"rdx"}, "cdqe": {"rax"}, "cwde": {"rax"}, "xgetbv": {"rax", "rdx"}}
NO_WAY_ON = {"jmp", "ret", "hlt", "ud2"}


@dataclass
class Found:
    places: dict = field(default_factory=dict)
    untold: list = field(default_factory=list)


class Code:
    """Instructions in the order of their addresses, and the edges between them."""

    def __init__(self, pieces):
        import capstone

        machine = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
        machine.skipdata = True
        self.at, self.names, self.operands, self.ends = [], [], [], []
        self.comes_from = {}  # address: indexes of the jumps and calls that lead there
        for start, data in sorted(pieces):
            for address, size, name, operands in machine.disasm_lite(data, start):
                if name.startswith("j") or name == "call":
                    if operands.startswith("0x"):
                        self.comes_from.setdefault(int(operands, 16), []).append(len(self.at))
                self.at.append(address)
                self.ends.append(address + size)
                self.names.append(name)
                self.operands.append(operands)

    def before(self, index):
        """Indexes of the instructions that may run just before this one."""
        if index > 0 and self.ends[index - 1] == self.at[index] and self._goes_on(index):
            yield index - 1
        for source in self.comes_from.get(self.at[index], ()):
            if self.names[source] != "call" or source != index - 1:
                yield source

    def _goes_on(self, index):
        """Does the instruction above lead here? Behind a call and in front of a function it doesn't: that call, of
        abort or its like, does not come back."""
        if self.names[index - 1] in NO_WAY_ON:
            return False
        if not any(self.names[source] == "call" for source in self.comes_from.get(self.at[index], ())):
            return True
        above = index - 1
        while above > 0 and self.names[above] == "nop":
            above -= 1
        return self.names[above] != "call" and self.names[above] not in NO_WAY_ON


def calls_in(pieces, word=lambda address: None):
    code, found = Code(pieces), Found()
    traps = {address + at for address, data in pieces for at in _all(data, TRAP)}
    leads = {index: word(at) for index, at in _through(code) if word(at) in traps}  # of the indexes of such calls
    for index, name in enumerate(code.names):
        if index not in leads and (name != "syscall" or code.at[index] in leads.values()):
            continue
        numbers, told = _numbers(code, index)
        for number in numbers:
            found.places.setdefault(number, []).append(code.at[index])
        if not told:
            found.untold.append(code.at[index])
    return found


def _through(code):
    """Indexes of the calls through words at fixed addresses, and those addresses."""
    for index, name in enumerate(code.names):
        match = name == "call" and THROUGH.fullmatch(code.operands[index])
        if match:
            yield index, code.ends[index] + int(match[1] + match[2], 0)


def _all(data, wanted):
    at = data.find(wanted)
    while at >= 0:
        yield at
        at = data.find(wanted, at + 1)


def _numbers(code, index):
    """The constants that eax may hold at an instruction, and whether that is all."""
    numbers, told = set(), True
    seen, todo = set(), [(index, "rax")]
    while todo:
        here, register = todo.pop()
        any_before = False
        for before in code.before(here):
            any_before = True
            entered = code.names[before] == "call" and before != here - 1 or _leads(code, before, here)
            what = _effect(code.names[before], code.operands[before], register, entered)
            if isinstance(what, int):
                numbers.add(what)
            elif what is None:
                told = False
            else:
                todo += [(before, one) for one in what if (before, one) not in seen]
                seen.update((before, one) for one in what)
        if not any_before or len(seen) > STEPS:
            told = False
            if any_before:
                break
    return numbers, told


def _leads(code, source, to):
    """Is this the edge of a call into a function, rather than back from one?"""
    return code.names[source] == "call" and code.operands[source] == hex(code.at[to])


def _effect(name, operands, register, entered):
    """What a register's value was before an instruction: a number, registers that held it, or None if not known."""
    if name == "call":
        return [register] if entered or register not in LOST_IN_CALLS else None
    if register in ALSO_WRITES.get(name, ()) and (name != "imul" or "," not in operands):
        return None
    if name in READS_ONLY or name.startswith("j") or name == ".byte":
        return [register]
    parts = operands.split(", ")
    if name in ("xchg", "xadd", "cmpxchg"):
        return None if register in [REGISTER.get(part) for part in parts] or name == "cmpxchg" else [register]
    if name.startswith(("rep", "lods", "stos", "movs", "scas")) and "ptr" in operands:
        return None if register in ("rax", "rcx", "rsi", "rdi") else [register]
    if REGISTER.get(parts[0]) != register:
        return [register]
    source = parts[1] if len(parts) > 1 else ""
    if name in ("xor", "sub") and source == parts[0]:
        return 0
    if name in ("mov", "movabs") and parts[0] in WHOLE:
        if re.fullmatch(r"-?(0x)?[0-9a-f]+", source):
            return int(source, 0) & 0xFFFF_FFFF
        return [REGISTER[source]] if source in WHOLE else None
    if name == "movsxd" and source in WHOLE:
        return [REGISTER[source]]
    if name.startswith("cmov") and source in WHOLE:
        return [register, REGISTER[source]]
    return None
