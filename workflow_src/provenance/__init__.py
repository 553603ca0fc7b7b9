"""What made a file: the record that every result carries, and the fingerprint of the sources behind it."""

from workflow_src.provenance.fingerprint import fingerprint
from workflow_src.provenance.record import read_git, record, sha256_of

__all__ = ["fingerprint", "read_git", "record", "sha256_of"]
