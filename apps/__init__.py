"""The applications, run as ``python -m pynetdicom <app>``; installed as ``pynetdicom.apps``."""
