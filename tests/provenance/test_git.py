"""What a record says of the checkout: clean, or how it differs."""

import subprocess

import pytest

from workflow_src.provenance import read_git
from workflow_src.provenance.git import last_commit


@pytest.fixture
def checkout(tmp_path):
    def git(*arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init", "--quiet")
    (tmp_path / ".gitignore").write_text("ignored\n")
    (tmp_path / "code.py").write_text("x = 1\n")
    (tmp_path / "results").mkdir()
    (tmp_path / "results/kept.csv").write_text("1\n")
    git("add", ".")
    git("commit", "--quiet", "--message", "first")
    return tmp_path


def test_a_clean_checkout_is_clean(checkout):
    found = read_git(checkout)
    assert len(found["commit"]) == 40
    assert (found["dirty"], found["diff_sha256"], found["changed"]) == (False, None, [])


def test_results_and_ignored_files_do_not_count(checkout):
    (checkout / "results/kept.csv").write_text("2\n")
    (checkout / "results/new.csv").write_text("2\n")
    (checkout / "ignored").write_text("2\n")
    assert read_git(checkout)["dirty"] is False


@pytest.mark.parametrize("name", ["code.py", "new.py"])
def test_the_hash_of_the_differences_is_that_of_their_content(checkout, name):
    hashes = []
    for text in ("x = 2\n", "x = 3\n", "x = 2\n"):
        (checkout / name).write_text(text)
        found = read_git(checkout)
        assert found["dirty"] is True
        assert found["changed"] == [name]
        hashes.append(found["diff_sha256"])
    assert hashes[0] == hashes[2] != hashes[1]


def test_a_renamed_and_staged_file_counts(checkout):
    subprocess.run(["git", "mv", "code.py", "other.py"], cwd=checkout, check=True)
    found = read_git(checkout)
    assert found["changed"] == ["other.py"]
    assert found["diff_sha256"]


def test_without_git_nothing_is_claimed(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert read_git(tmp_path) == {"commit": None, "dirty": None, "diff_sha256": None, "changed": []}


def test_the_commit_that_changed_a_file_last(checkout, tmp_path_factory):
    first = read_git(checkout)["commit"]
    (checkout / "results/kept.csv").write_text("2\n")
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    command = ["git", *identity, "commit", "--quiet", "--all", "--message", "second"]
    subprocess.run(command, cwd=checkout, check=True, capture_output=True)
    assert last_commit(checkout / "code.py") == first != read_git(checkout)["commit"]
    (checkout / "code.py").write_text("x = 2\n")
    assert last_commit(checkout / "code.py") == f"{first}, changed since"
    assert last_commit(tmp_path_factory.mktemp("bare") / "code.py") == "unknown"
