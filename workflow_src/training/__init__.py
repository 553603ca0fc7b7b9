"""Training: windows of data, forward passes under forcing, the loss, and the loop over updates."""
