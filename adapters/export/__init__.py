"""Copies of all that is held on a person: for them to read, and for them to take along."""
