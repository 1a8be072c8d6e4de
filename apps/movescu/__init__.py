"""Retrieve SCU: have instances sent with C-MOVE requests, to us or to somebody else."""
