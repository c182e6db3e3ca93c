"""A real browser against a real server. What a page does in a moment may take it seconds where three tests share two
processors; a person's patience is measured elsewhere."""

from playwright.async_api import expect

expect.set_options(timeout=20_000)
