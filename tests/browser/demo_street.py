"""The demo as people see it: its own process, and every page open in one Chromium."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import BrowserContext, ConsoleMessage, FrameLocator, Locator, Page, expect

from prilavok.demo.fill import PASSWORD
from prilavok.demo.opening import IMAP_PORT, MAIL_PORT, SMTP_PORT
from prilavok.demo.people import staff
from tests.ports import free_port

BEHIND = (*range(1, MAIL_PORT + 1), IMAP_PORT, SMTP_PORT)
"""How far from the hub's port the demo's emulators listen."""

PATIENCE = 30_000
"""Milliseconds to wait for what must appear by itself."""

OWNER, OLGA = 500_001, 500_002
BOT = 4_200_042


@dataclass
class Demo:
    """Where the demo listens, and what its pages complained of."""

    port: int
    context: BrowserContext
    wrongs: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context.on("page", self._listen)
        self.context.on("weberror", lambda error: self.wrongs.append(str(error.error)))

    def address(self, offset: int) -> str:
        return f"http://127.0.0.1:{self.port + offset}"

    async def shot(self, page: Page, name: str) -> None:
        """A screenshot into the folder that PRILAVOK_SCREENSHOTS names, if it names one."""
        if folder := os.environ.get("PRILAVOK_SCREENSHOTS"):
            await page.screenshot(path=Path(folder) / f"{name}.png", animations="disabled")

    def _listen(self, page: Page) -> None:
        page.on("console", self._hear)

    def _hear(self, said: ConsoleMessage) -> None:
        if said.type in ("error", "warning"):
            self.wrongs.append(f"{said.location['url']}: {said.text}")


@asynccontextmanager
async def open_demo(folder: Path, context: BrowserContext) -> AsyncIterator[Demo]:
    """Start the demo in an empty folder, and stop it as Ctrl-C does."""
    port = free_port(*BEHIND)
    command = [sys.executable, "-c", "from prilavok.cli import main; main()", "demo"]
    process = await asyncio.create_subprocess_exec(
        *command, "--folder", str(folder / "demo"), "--port", str(port), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(90):
            while b"Ctrl-C closes it" not in (line := await process.stdout.readline()):
                assert line, "the demo ended before it was open"
        yield Demo(port, context)
    finally:
        process.send_signal(signal.SIGINT)
        await process.communicate()
    assert process.returncode == 0, "the demo closes cleanly"


class PhonePage:
    """A person's chat with the bot on the phone page."""

    name = "phone"

    def __init__(self, demo: Demo, page: Page, person: int) -> None:
        self.demo, self.page, self.person = demo, page, person
        self.messages = page.locator("#messages")

    async def open(self) -> None:
        await self.page.goto(f"{self.demo.address(1)}/phone/{self.person}/{BOT}")

    async def begin(self) -> None:
        await self.page.locator("[data-act=start]").click()

    async def tap(self, label: str) -> None:
        await self.page.locator(f'#keys [data-key="{label}"]').click()

    async def press(self, label: str | re.Pattern[str]) -> None:
        await self.messages.locator(".inline .key").filter(has_text=label).last.click()

    async def say(self, text: str) -> None:
        await self.page.locator("#text").fill(text)
        await self.page.locator("#text").press("Enter")

    async def gives_name(self) -> None:
        await self.press("Ольга Рябинина")

    async def gives_phone(self) -> None:
        await self.tap("Отправить мой номер")
        await self.page.locator("#share .primary").click()

    async def sees(self, text: str | re.Pattern[str]) -> None:
        await expect(self.messages.get_by_text(text).last).to_be_visible(timeout=PATIENCE)

    async def link(self) -> Page:
        return await _opened(self.page, self.messages.locator(".inline a.key", has_text="Оплатить").last)


class WidgetPage:
    """The web chat on the shop's site."""

    name = "webchat"

    def __init__(self, demo: Demo, page: Page) -> None:
        self.demo, self.page = demo, page

    @property
    def chat(self) -> FrameLocator:
        return self.page.frame_locator("iframe")

    async def open(self) -> None:
        await self.page.goto(f"{self.demo.address(3)}/?utm_source=letter")

    async def begin(self) -> None:
        await self.page.get_by_role("button", name="Открыть чат").click()
        await self.chat.locator("body[data-ready]").wait_for()

    async def tap(self, label: str) -> None:
        await self.chat.get_by_role("button", name=label, exact=True).last.click()

    async def press(self, label: str | re.Pattern[str]) -> None:
        await self.chat.get_by_role("button", name=label).last.click()

    async def say(self, text: str) -> None:
        await self.chat.get_by_label("Сообщение", exact=True).fill(text)
        await self.chat.get_by_label("Сообщение", exact=True).press("Enter")

    async def gives_name(self) -> None:
        await self.say("Вера Лунина")

    async def gives_phone(self) -> None:
        await self.say("+7 900 000-00-79")

    async def sees(self, text: str | re.Pattern[str]) -> None:
        await expect(self.chat.locator("#messages").get_by_text(text).last).to_be_visible(timeout=PATIENCE)

    async def link(self) -> Page:
        return await _opened(self.page, self.chat.get_by_role("link", name="Оплатить").last)


class ConsolePage:
    """The operator's browser."""

    def __init__(self, demo: Demo, page: Page) -> None:
        self.demo, self.page = demo, page

    async def sign_in(self) -> None:
        marina = next(person for person in staff() if person.role == "operator")
        await self.page.goto(f"{self.demo.address(0)}/login")
        await self.page.fill("[name=email]", marina.email)
        await self.page.fill("[name=password]", PASSWORD)
        await self.page.keyboard.press("Enter")
        await self.page.locator("#composer, #list, main").first.wait_for()

    async def finds(self, words: str) -> None:
        """The conversation that now waits comes to the top of the list by itself; open it."""
        row = self.page.locator('a[href*="/inbox/"]').filter(has_text="Передали оператору").first
        await expect(row).to_be_visible(timeout=PATIENCE)
        await row.click()
        await expect(self.page.locator("#feed").get_by_text(words).last).to_be_visible(timeout=PATIENCE)
        await self.page.locator("body[data-ready]").wait_for()

    async def answers(self, text: str) -> None:
        await self.page.get_by_label("Сообщение", exact=True).fill(text)
        await self.page.keyboard.press("Control+Enter")
        await expect(self.page.locator("#feed").get_by_text(text)).to_be_visible(timeout=PATIENCE)

    async def releases(self) -> None:
        await self.page.get_by_role("button", name="Боту").first.click()
        await expect(self.page.locator("#thread-head")).to_contain_text("бот", timeout=PATIENCE)

    async def shows(self, text: str) -> None:
        """It appears in the open thread without a reload."""
        await expect(self.page.locator("#feed").get_by_text(text).last).to_be_visible(timeout=PATIENCE)

    async def opens_order(self, number: int) -> None:
        await self.page.goto(f"{self.demo.address(0)}/orders?q={number}")
        await self.page.locator(".board-card, tr a").filter(has_text=str(number)).first.click()
        await expect(self.page.locator("[data-key=stage-next]").first).to_be_visible(timeout=PATIENCE)

    async def marks_received(self) -> None:
        await self.page.get_by_role("button", name="Отметить полученным").click()
        await expect(self.page.locator(".steps [aria-current=step]")).to_have_text("Доставлен", timeout=PATIENCE)


async def _opened(page: Page, link: Locator) -> Page:
    """The tab that a link opens."""
    async with page.context.expect_page() as opened:
        await link.click()
    return await opened.value
