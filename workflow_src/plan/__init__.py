"""What a run will cost before it starts, from what earlier jobs and benchmarks took."""
