"""Speed of the solvers side by side; see README.md. Never run by the tests but for a tiny case."""
