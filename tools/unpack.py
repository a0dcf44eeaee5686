# SPDX-License-Identifier: MIT
"""An ext4 file system's files as files of the host, with all that is known of them: holes, hard links, modes, owners,
times. What only root may do and we are not: owners stay ours and take set-user-ID with them; devices are left out.

    left_out = unpack.unpack(image, folder)            # into a folder that is there and empty
    unpack.refine_times(image, folder, first=block)    # the other way: what mke2fs -d leaves out of times
"""

import os
import stat

from tools import ext4


def unpack(image, folder):
    """Returns the paths of what could not be made."""
    with ext4.opened(image) as files:
        made = _Made(os.fsencode(folder))
        made.directory(files.inode(ext4.ROOT), b"")
        return [os.fsdecode(path) for path in made.left_out]


class _Made:
    def __init__(self, folder):
        self.folder, self.left_out = folder, []
        self.first = {}  # inode number: the path that has it, for hard links

    def directory(self, inode, path):
        for name, below in inode.entries():
            inside = os.path.join(path, name)
            if stat.S_ISDIR(below.mode):
                os.mkdir(os.path.join(self.folder, inside), 0o700)
                self.directory(below, inside)
            elif below.number in self.first:
                os.link(os.path.join(self.folder, self.first[below.number]), os.path.join(self.folder, inside),
                        follow_symlinks=False)
            elif self.other(below, os.path.join(self.folder, inside)):
                self.first[below.number] = inside
            else:
                self.left_out.append(inside)
        self.attributes(inode, os.path.join(self.folder, path))  # last, as it may be that nobody may write there

    def other(self, inode, path):
        if stat.S_ISREG(inode.mode):
            _file(inode, path)
        elif stat.S_ISLNK(inode.mode):
            os.symlink(inode.target(), path)
        else:
            try:
                os.mknod(path, stat.S_IFMT(inode.mode) | 0o600, os.makedev(*inode.device()))
            except PermissionError:
                return False
        self.attributes(inode, path)
        return True

    @staticmethod
    def attributes(inode, path):
        mode = stat.S_IMODE(inode.mode)
        try:
            os.lchown(path, inode.uid, inode.gid)
        except PermissionError:
            mode &= 0o1777
        if not stat.S_ISLNK(inode.mode):
            os.chmod(path, mode)
        os.utime(path, ns=(inode.time("accessed"), inode.time("modified")), follow_symlinks=False)


def _file(inode, path):
    with open(path, "xb") as file:
        for offset, part in inode.parts():
            if part.strip(b"\0"):
                file.seek(offset)
                file.write(part)
        file.truncate(inode.size)


def refine_times(image, folder, first=0):
    """Gives a file system that was made of a folder the parts of times that are finer than a second."""
    with ext4.opened(image, first, writable=True) as files:
        _refine(files.inode(ext4.ROOT), os.fsencode(folder))


def _refine(directory, folder):
    for name, inode in directory.entries():
        path = os.path.join(folder, name)
        try:
            status = os.lstat(path)
        except FileNotFoundError:  # lost+found
            continue
        for which, time in (("accessed", status.st_atime_ns), ("changed", status.st_ctime_ns),
                            ("modified", status.st_mtime_ns)):
            inode.refine(which, time)
        _refine(inode, path)
