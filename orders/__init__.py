"""Carts, orders and their lines, pipelines and stages, and the history of every move."""
