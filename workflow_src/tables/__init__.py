"""One module per table: `build` makes the data frame, `write.py` its CSV, Markdown and LaTeX files."""
