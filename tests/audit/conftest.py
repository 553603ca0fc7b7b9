"""A folder with the results of a small preset; each test gets a copy of its own."""

import shutil

import pytest

from tests.audit import results


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    results.make(folder, results.small_preset(folder))
    return folder


@pytest.fixture
def project(made, tmp_path, monkeypatch):
    """A copy to damage, with the working directory in it."""
    folder = tmp_path / "project"
    shutil.copytree(made, folder)
    monkeypatch.chdir(folder)
    return folder
