"""What a preset lacks for a claim."""


class Missing(Exception):
    """The claim cannot be tested on these results; the message says why, in a few words."""
