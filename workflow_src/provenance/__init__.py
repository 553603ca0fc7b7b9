"""What made a file: the record that every result carries, and the fingerprint of the sources behind it."""

from workflow_src.provenance.fingerprint import fingerprint
from workflow_src.provenance.git import read_git
from workflow_src.provenance.record import Record, record
from workflow_src.provenance.seals import sha256_of

__all__ = ["Record", "fingerprint", "read_git", "record", "sha256_of"]
