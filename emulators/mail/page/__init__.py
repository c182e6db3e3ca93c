"""The mail program as a page."""
