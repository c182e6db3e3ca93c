"""The console as a part of a web application: its addresses, its door, its static files."""

from __future__ import annotations

from aiohttp import web

from company.texts import Texts
from kit.secrets import SecretBox
from operator_console import (
    bulk_acts,
    bulk_order_acts,
    canned_pages,
    catalog_export,
    catalog_pages,
    category_pages,
    channel_page,
    channel_pages,
    components_page,
    customer_export,
    customer_import_pages,
    customer_page,
    customers_pages,
    delivery_pages,
    draft_pages,
    duplicate_pages,
    field_pages,
    hours_page,
    import_pages,
    inbox_acts,
    inbox_pages,
    live_pages,
    me_pages,
    money_pages,
    new_order_page,
    notification_pages,
    operation_page,
    order_acts,
    order_export,
    order_kin_acts,
    order_page,
    orders_pages,
    palette,
    password_acts,
    payment_account_pages,
    personal_pages,
    photo_acts,
    picker,
    pipeline_pages,
    product_bulk,
    rights_pages,
    sending_acts,
    settings_pages,
    shift_page,
    shop_pages,
    staff_pages,
    tag_pages,
    task_pages,
    template_pages,
    texts_pages,
    typing_pages,
    view_pages,
)
from operator_console.door import Door
from operator_console.rendering import Templates
from operator_console.routing import Route
from operator_console.static_files import StaticFiles
from operator_console.visits import Console
from operator_console.web_app import WebApp
from storage.database import Database
from storage.files import FileStore
from storage.live import LiveBus

ROUTES: tuple[Route, ...] = (
    *inbox_pages.ROUTES,
    *inbox_acts.ROUTES,
    *sending_acts.ROUTES,
    *draft_pages.ROUTES,
    *bulk_acts.ROUTES,
    *bulk_order_acts.ROUTES,
    *canned_pages.ROUTES,
    *template_pages.ROUTES,
    *view_pages.ROUTES,
    *palette.ROUTES,
    *picker.ROUTES,
    *task_pages.ROUTES,
    *live_pages.ROUTES,
    *me_pages.ROUTES,
    *notification_pages.ROUTES,
    *orders_pages.ROUTES,
    *order_export.ROUTES,
    *order_page.ROUTES,
    *delivery_pages.ROUTES,
    *order_acts.ROUTES,
    *order_kin_acts.ROUTES,
    *money_pages.ROUTES,
    *new_order_page.ROUTES,
    *customers_pages.ROUTES,
    *customer_export.ROUTES,
    *duplicate_pages.ROUTES,
    *customer_page.ROUTES,
    *personal_pages.ROUTES,
    *field_pages.ROUTES,
    *tag_pages.ROUTES,
    *catalog_pages.ROUTES,
    *catalog_export.ROUTES,
    *import_pages.ROUTES,
    *customer_import_pages.ROUTES,
    *product_bulk.ROUTES,
    *photo_acts.ROUTES,
    *category_pages.ROUTES,
    *settings_pages.ROUTES,
    *shop_pages.ROUTES,
    *hours_page.ROUTES,
    *pipeline_pages.ROUTES,
    *staff_pages.ROUTES,
    *rights_pages.ROUTES,
    *shift_page.ROUTES,
    *password_acts.ROUTES,
    *texts_pages.ROUTES,
    *typing_pages.ROUTES,
    *channel_pages.ROUTES,
    *channel_page.ROUTES,
    *payment_account_pages.ROUTES,
    *operation_page.ROUTES,
    *components_page.ROUTES,
)
"""Every address behind the door. A module of pages is added by its ROUTES."""


def setup(
    app: web.Application,
    *,
    db: Database,
    files: FileStore,
    live: LiveBus,
    box: SecretBox,
    texts: Texts,
    public_url: str,
) -> None:
    """Add the console to the application. What else it serves is not touched; what nothing serves gets a page."""
    templates = Templates()
    console = Console(db, files, live, box, texts, templates, public_url.rstrip("/"))
    door = Door(console)
    live_pages.setup(app, console)
    app.middlewares.append(door.lost)
    app.add_routes(door.routes())
    app.add_routes(StaticFiles(templates).routes())
    app.add_routes(WebApp(templates).routes())
    for route in ROUTES:
        # A page is never asked for by HEAD, and an event stream must not be.
        if route.method == "GET":
            app.router.add_get(route.path, door.guarded(route), allow_head=False)
        else:
            app.router.add_route(route.method, route.path, door.guarded(route))
