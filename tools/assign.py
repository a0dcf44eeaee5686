# SPDX-License-Identifier: MIT
"""Policies for regions: what `--policy` means when it is a map.

    prices=clock1@97,table=lifo@65%,default=fifo

An item NAME=POLICY is for the region NAME; a map ends with the item for `default`, which is for every region that it
does not name. So in a list by comma a map is the items with an `=` up to its default, and everything else is a policy
for the whole program: `fifo,prices=clock1@97,default=lifo,clockpro` are three choices. After @ stand the frames that
the region has to itself, as a number or as a share of all frames. Regions without them have the rest, together if there
are several: the pager then moves frames between them (pager_budget_level in libos/pager/pager.h).
"""

import dataclasses
import re
from dataclasses import dataclass

from tools import registry
from tools.errors import Usage, unknown

DEFAULT = "default"
MOST = 8  # libos/unix/assign.h
NAME = re.compile(r"[a-z0-9_]{1,32}")


@dataclass(frozen=True)
class Entry:
    region: str
    policy: str
    amount: object = None  # frames of its own: a number, or a share of all as a float; None: what is left

    def word(self):
        if self.amount is None:
            return f"{self.region}={self.policy}"
        amount = self.amount if isinstance(self.amount, int) else f"{round(self.amount * 100)}%"
        return f"{self.region}={self.policy}@{amount}"


@dataclass(frozen=True)
class Map:
    entries: tuple

    @property
    def text(self):
        return ",".join(entry.word() for entry in self.entries)

    def policies(self):
        return [entry.policy for entry in self.entries]

    def regions(self):
        return [entry.region for entry in self.entries if entry.region != DEFAULT]

    def sharers(self):
        """The regions that have frames together; none if there is but one without frames of its own."""
        without = [entry.region for entry in self.entries if entry.amount is None]
        return without if len(without) > 1 else []

    def frames(self, total):
        """{region: frames} of a total, for each that shares frames those of all that do; raises Usage if that cannot
        be. A total of 0: none was said."""
        shares = [entry for entry in self.entries if isinstance(entry.amount, float)]
        if shares and not total:
            raise Usage(f"{shares[0].word()} is a share of all frames; say how many there are, by --frames or --memory")
        if self.sharers() and not total:
            raise Usage(f"{' and '.join(self.sharers())} share frames in {self.text}; say how many there are in all, "
                        "with --frames or --memory")
        own = {entry.region: entry.amount if isinstance(entry.amount, int) else max(1, round(entry.amount * total))
               for entry in self.entries if entry.amount is not None}
        left = [entry.region for entry in self.entries if entry.amount is None]
        used = sum(own.values())
        if total and (used > total or (left and used == total)):
            raise Usage(f"the regions of {self.text} have {used} frames of their own, and there are {total} in all"
                        + (f", so none for {left[0]}" if left else ""))
        found = own | {region: total - used if total else 0 for region in left}
        for entry in self.entries:
            least = registry.traits(entry.policy)[1]
            if 0 < found[entry.region] < least:
                raise Usage(f"{entry.policy} needs at least {least} frames, and {entry.region} has "
                            f"{found[entry.region]} by {self.text}")
        return found

    def argument(self, total):
        """The value of the library OS's argument `policy`, with numbers only."""
        found = self.frames(total)
        return ",".join(dataclasses.replace(entry, amount=entry.amount and found[entry.region]).word()
                        for entry in self.entries)


def is_map(text):
    return "=" in text


def group(items):
    """The choices in a list that was split at its commas: names of policies, and maps put together again."""
    choices, pending = [], []
    for item in items:
        if "=" not in item:
            if pending:
                raise _unended(pending, f"{item} follows")
            choices.append(item)
            continue
        pending.append(item)
        if item.partition("=")[0].strip() == DEFAULT:
            choices.append(",".join(pending))
            pending = []
    if pending:
        raise _unended(pending, "the list is over")
    return list(dict.fromkeys(choices))


def _unended(pending, why):
    return Usage(f"the map {','.join(pending)} has no {DEFAULT}=POLICY; a map ends with it, and here {why}")


def parse(text):
    """The Map of a text; raises Usage with what is wrong."""
    entries = []
    for item in text.split(","):
        region, sign, policy = (part.strip() for part in item.partition("="))
        if not sign:
            raise Usage(f"“{item}” in {text} names no region; an item of a map is REGION=POLICY or "
                        "REGION=POLICY@FRAMES")
        if not NAME.fullmatch(region):
            raise Usage(f"“{region}” in {text} can be no region's name, which is of a-z, 0-9 and _, at most 32")
        if any(entry.region == region for entry in entries):
            raise Usage(f"region {region} is there twice in {text}")
        if entries and entries[-1].region == DEFAULT:
            raise Usage(f"{region} comes after the default in {text}; a map ends with its default")
        name, at, amount = policy.partition("@")
        registry.require("policy", name, registry.policies())
        entries.append(Entry(region, name, _amount(amount, item) if at else None))
    if entries[-1].region != DEFAULT:
        raise _unended([text], "it is over")
    if len(entries) > MOST:
        raise Usage(f"{text} has {len(entries)} regions; at most {MOST} can have policies of their own")
    return Map(tuple(entries))


def _amount(text, item):
    match = re.fullmatch(r"(\d+)(%?)", text)
    if not match or int(match[1]) == 0 or (match[2] and int(match[1]) > 100):
        raise Usage(f"{item}: after @ stands a number of frames such as 100, or a share of all frames such as 25%")
    return int(match[1]) / 100 if match[2] else int(match[1])


def check_regions(assigned, app):
    """Raises Usage if the application has no region of a name in the map."""
    known = registry.regions(app)
    for region in assigned.regions():
        if region not in known:
            raise unknown(f"region of {app}", region, known)
