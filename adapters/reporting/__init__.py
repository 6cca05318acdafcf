"""Reports to funders: prepared under the attacker's eyes, and given away as files."""
