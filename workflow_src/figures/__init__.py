"""One module per figure of the paper: `draw` makes the figure, `numbers` the table of everything it shows."""
