"""Errors that a user can mend."""


class UserError(Exception):
    """Bad input. The message is one line that names the file or key and the mend."""
