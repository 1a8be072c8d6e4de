"""Verification SCU: send C-ECHO requests."""
