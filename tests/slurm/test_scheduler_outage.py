"""An absent scheduler on a cluster with accounting, which Snakemake may ask instead; test_faults has one without."""

import time

import pytest

from tests.slurm.test_faults import assert_nothing_lost, start, training

pytestmark = [pytest.mark.slurm, pytest.mark.slow]
ACCOUNTING = True


def test_a_scheduler_that_is_away_for_a_while_loses_no_job(cluster, project, undisturbed):
    run = start(project)
    training(cluster, run, project)
    cluster.kill("slurmctld")
    time.sleep(30)
    cluster.start()
    run.ends_well()
    assert_nothing_lost(project, undisturbed)
