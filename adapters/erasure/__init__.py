"""Erasing for good: every place that may hold something of a person, what is done there, and the proof that it was done."""
