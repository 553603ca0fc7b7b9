"""Reproduction of GTF-DEER: parallel-in-time training of recurrent networks on chaotic time series."""
