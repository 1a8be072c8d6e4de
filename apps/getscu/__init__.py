"""Retrieve SCU: have instances sent with C-GET requests."""
