"""The web console: pages for the people of the shop."""
