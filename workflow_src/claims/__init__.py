"""The findings of the paper as data, and how the results of a preset speak for or against each: docs/claims.md."""
