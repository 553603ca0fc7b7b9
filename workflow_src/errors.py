"""Errors that a user can mend."""

import errno
from pathlib import Path

_MENDS = {
    errno.ENOSPC: "free space there (df -h {folder})",
    errno.EDQUOT: "free space within your quota (quota -s)",
    errno.EROFS: "that file system can only be read; move the project to one that can be written",
    errno.EACCES: "give yourself the right to write (ls -ld {folder})",
    errno.EPERM: "give yourself the right to write (ls -ld {folder})",
}


class UserError(Exception):
    """Bad input. The message is one line that names the file or key and the mend."""


def cannot_write(path: Path, error: OSError) -> UserError:
    """What to tell of a file that could not be written; the one that was there before is as it was."""
    mend = _MENDS.get(error.errno or 0, "free space or rights").format(folder=path.parent)
    return UserError(f"{path}: cannot be written ({error.strerror or error}); {mend}")
