"""A witness: signs what it has seen of other people's logs, so that nobody is shown another history. Needs no database server."""
