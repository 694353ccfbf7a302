"""scorax."""
