"""Search over sealed data: an index of blinded terms, kept up to date by whoever holds the keys."""
