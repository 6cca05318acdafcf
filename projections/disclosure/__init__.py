"""Which figures of a report must stay unsaid, so that nobody can work out those that single people out. See docs/disclosure.md."""
