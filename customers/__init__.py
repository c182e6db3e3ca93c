"""Customers: one card per person, and who that person is on each channel."""
