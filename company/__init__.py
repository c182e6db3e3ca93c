"""Shops, their staff and rights, settings, and their accounts on channels."""
