"""The DICOM upper layer (PS3.8)."""
