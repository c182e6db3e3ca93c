"""The shop's own web chat: a widget on its site, a page inside it, and the small interface between them.

`static/widget.js` runs on the shop's page and makes a button and an iframe. What is inside the iframe comes from our
own address, so the shop's styles and policies do not reach it, and its visitor's key stays with us.
"""
