"""Stand-ins of the outside APIs: they serve the demo and the tests, and know nothing of the product."""
