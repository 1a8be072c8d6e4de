"""DICOM networking: application entities, associations and services, on pydicom."""
