"""What a record says of the machine."""

from workflow_src.provenance import machine


def test_the_lock_is_that_of_the_installation(tmp_path):
    assert machine.lock(tmp_path) is None
    (tmp_path / ".lock").touch()
    assert machine.lock(tmp_path) is None
    (tmp_path / "cpu.lock").write_text("numpy==2\n")
    found = machine.lock(tmp_path)
    assert found is not None
    assert found["name"] == "envs/cpu.txt"
