"""The transparency logs over what is recorded: kept, signed, witnessed, served and verified."""
