"""How far running jobs are, and which have failed: what each job writes while it runs, and what is told of it."""
