"""What a report counts: each indicator with its definition in one file, over what is known of each trainee at a position of the log."""
