"""Backups: the data in one place, the keys in another and kept shorter, and a restore that brings nobody back who was erased."""
