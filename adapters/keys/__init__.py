"""The key ring and the key-encryption key that guards it."""
