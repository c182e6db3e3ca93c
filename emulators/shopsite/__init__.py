"""A shop's own site, on an address of its own, that holds the web chat by one script tag."""

from emulators.shopsite.site import ShopSite

__all__ = ["ShopSite"]
