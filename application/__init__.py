"""Commands: who asks, may they, under which consent; load, decide, append."""
