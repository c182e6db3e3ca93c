"""Prilavok put together: configuration in, a running shop counter out. Nothing imports this package."""
