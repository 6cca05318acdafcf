"""What may happen and what may not: aggregates, events, rules and refusals. No input, no output, no clock."""
