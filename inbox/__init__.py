"""Conversations and messages of all channels, in one vocabulary."""
