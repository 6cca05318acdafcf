"""Who is asking: members of an organisation, and the tokens, links and sessions that speak for them."""
