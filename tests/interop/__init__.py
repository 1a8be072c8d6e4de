"""Tests with other DICOM implementations at the far end."""
