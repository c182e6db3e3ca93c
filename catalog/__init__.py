"""What the shop sells: categories, products, variants, photos, prices, stock and the search over them."""
