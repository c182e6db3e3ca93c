"""A mailbox is read once, in order, and left as it was, whatever happens to the line, the numbers and us."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace

import orjson
import pytest
import pytest_asyncio
import uvloop

from bot.channels import email_read
from bot.channels.base import Broken, Connection, Envelope, NotSent, Rejected
from bot.channels.email import Email
from bot.channels.email_imap import Mailbox, NoFolder
from bot.channels.email_receive import EmailReceiver
from bot.channels.email_servers import BadAddress, BadServer, made, parse
from emulators.mail import Account, MailEmulator
from emulators.mail.program import Program, Upload
from inbox.content import Media
from tests.bot.letters import ANNA, KEY, OWN
from tests.contract.phones import Kept

SECRET = "пароль ящика"


class Shop:
    """What the hub keeps of the letters of one mailbox. `full` is a store that takes nothing."""

    def __init__(self, mail: MailEmulator) -> None:
        self.mail = mail
        self.kept = Kept()
        self.kept.at = f"{mail.world.mailboxes[OWN.address].validity} 0 0"
        self.envelopes: list[Envelope] = []
        self.reports: list[tuple[str, str]] = []
        self.full = False

    async def accept(self, _account: int, envelopes: Sequence[Envelope]) -> int:
        if self.full:
            raise OSError("the disk is full")
        known = {each.external_id for each in self.envelopes}
        self.envelopes += [each for each in envelopes if each.external_id not in known]
        return len(envelopes)

    async def report(self, _account: int, health: str, words: str) -> None:
        self.reports.append((health, words))

    @property
    def link(self) -> Connection:
        secret = orjson.dumps({"token": SECRET, "webhook_secret": KEY}).decode()
        settings = {"api": self.mail.servers_of(OWN.address)}
        return Connection(1, OWN.address, secret, settings, "", self.accept, self.report, self.kept)

    @property
    def texts(self) -> list[str]:
        return [said.text for each in self.envelopes for said in email_read.read(each.raw, OWN)]

    @contextlib.asynccontextmanager
    async def receiving(self) -> AsyncIterator[None]:
        async def holds() -> bool:
            return True

        task = asyncio.create_task(EmailReceiver(self.link).receive(holds))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not done():
                await asyncio.sleep(0.02)


@pytest_asyncio.fixture(name="shop")
async def shop_fixture() -> AsyncIterator[Shop]:
    mail = MailEmulator([Account(OWN.address, "Лавка", SECRET)], [Account(ANNA, "Анна")])
    await mail.start()
    yield Shop(mail)
    await mail.stop()


@pytest.fixture(name="anna")
def anna_fixture(shop: Shop) -> Program:
    return shop.mail.program(ANNA)


async def test_letters_come_at_once_in_order_and_stay_unseen(shop: Shop, anna: Program) -> None:
    anna.write("один")
    async with shop.receiving():
        await shop.until(lambda: shop.texts == ["один"])
        for word in ("два", "три"):
            anna.write(word)
        await shop.until(lambda: shop.texts == ["один", "два", "три"])
    assert shop.mail.world.mailboxes[OWN.address].seen == set()
    assert shop.kept.at.split(" ")[1] == "3"
    assert shop.reports[0] == ("ok", "")


async def test_the_place_moves_on_only_past_what_is_stored(shop: Shop, anna: Program) -> None:
    anna.write("один")
    shop.full = True
    async with shop.receiving():
        await asyncio.sleep(0.3)
        assert shop.kept.at.split(" ")[1] == "0"
        shop.full = False
        await shop.until(lambda: shop.texts == ["один"])


async def test_a_mailbox_that_was_numbered_anew_brings_nothing_twice_and_loses_nothing(
    shop: Shop, anna: Program
) -> None:
    anna.write("один", files=[Upload("a.txt", "text/plain", b"small")])
    async with shop.receiving():
        await shop.until(lambda: shop.texts == ["один"])
    anna.write("два")
    box = shop.mail.world.mailboxes[OWN.address]
    box.letters.insert(0, replace(box.letters[0], source=b"From: a@mail.example\r\n\r\nlong ago", at=1e9))
    box.letters.reverse()
    box.number_anew()
    async with shop.receiving():
        anna.write("три")
        await shop.until(lambda: "три" in shop.texts)
    assert shop.texts == ["один", "два", "три"]
    assert shop.kept.at.split(" ")[0] == str(box.validity)
    [media] = email_read.read(shop.envelopes[0].raw, OWN)[0].media
    assert b"".join([chunk async for chunk in Email(shop.link).fetch(media)]) == b"small", "found by the letter's name"


async def test_two_processes_and_cut_lines_make_one_of_each_letter(shop: Shop, anna: Program) -> None:
    async with shop.receiving(), shop.receiving():
        for n in range(6):
            anna.write(f"слово {n}", copies=1 + n % 2)
            if n % 2:
                shop.mail.cut()
            await asyncio.sleep(0.03)
        await shop.until(lambda: len(shop.texts) >= 6)
        await asyncio.sleep(0.1)
    assert sorted(shop.texts) == [f"слово {n}" for n in range(6)]


async def test_a_new_account_begins_with_what_comes_from_now_on(shop: Shop, anna: Program) -> None:
    anna.write("давно")
    shop.kept.at = ""
    async with shop.receiving():
        await shop.until(lambda: bool(shop.kept.at))
        anna.write("сейчас")
        await shop.until(lambda: shop.texts == ["сейчас"])


async def test_our_own_letters_and_deleted_ones_hold_up_nothing(shop: Shop, anna: Program) -> None:
    box = shop.mail.world.mailboxes[OWN.address]
    box.add(b"From: shop@clay.example\r\n\r\nself")
    anna.write("пропадёт")
    box.letters.pop()
    anna.write("дойдёт")
    async with shop.receiving():
        await shop.until(lambda: shop.texts == ["дойдёт"])


async def test_large_files_stay_in_the_mailbox_until_they_are_fetched(shop: Shop, anna: Program) -> None:
    film = bytes(range(256)) * 4000
    anna.write("вот", files=[Upload("a.txt", "text/plain", b"small"), Upload("film.mp4", "video/mp4", film)])
    async with shop.receiving():
        await shop.until(lambda: len(shop.envelopes) == 1)
    assert len(str(shop.envelopes[0].raw["letter"])) < 10_000
    [said] = email_read.read(shop.envelopes[0].raw, OWN)
    adapter = Email(shop.link)
    contents = [b"".join([chunk async for chunk in adapter.fetch(media)]) for media in said.media]
    assert contents == [b"small", film]
    gone = Media(said.media[0].kind, remote="1 999 0 ")
    with pytest.raises(Rejected):
        [chunk async for chunk in adapter.fetch(gone)]


async def test_what_a_person_must_mend_is_told_in_words(shop: Shop) -> None:
    servers = parse(shop.mail.servers_of(OWN.address))
    for box, password, fact in (
        (Mailbox(servers), "wrong", Broken),
        (Mailbox(replace(servers, folder="Заказы & прочее")), SECRET, NoFolder),
        (Mailbox(replace(servers, imap=replace(servers.imap, port=1))), SECRET, NotSent),
    ):
        with pytest.raises(fact) as told:
            await box.open(password)
        assert "wrong" not in str(told.value)
        await box.close()


def test_servers_are_read_as_people_write_them() -> None:
    box = made("Shop@Clay.example", "imap.yandex.ru", "smtp.yandex.ru:587", "Входящие/Заказы")
    assert str(box) == (
        "Shop@Clay.example imaps://imap.yandex.ru:993/%D0%92%D1%85%D0%BE%D0%B4%D1%8F%D1%89%D0%B8%D0%B5%2F"
        "%D0%97%D0%B0%D0%BA%D0%B0%D0%B7%D1%8B smtp://smtp.yandex.ru:587"
    )
    assert parse(str(box)) == box
    assert (box.imap.secure, box.smtp.secure, box.smtp.may_be_plain) == (True, False, False)
    for wrong in ("", "http://x", "imap.x:0", "a b", "imap://x:99999", "-x", "smtp://x"):
        with pytest.raises(BadServer):
            made("a@b.ru", wrong, "smtp.b.ru")
    for wrong in ("", "a", "a@", "a@b@c", "a b@c", "a@b\r\nRCPT", "<a@b>"):
        with pytest.raises(BadAddress):
            made(wrong, "imap.b.ru", "smtp.b.ru")


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_a_mailbox_whose_line_broke_is_left_quietly_on_either_loop(
    loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def breaks() -> None:
        mail = MailEmulator([Account(OWN.address, password=SECRET)], [])
        await mail.start()
        box = Mailbox(parse(mail.servers_of(OWN.address)))
        try:
            await box.open(SECRET)
            mail.cut()
            for _ in range(3):
                with pytest.raises(NotSent):
                    await box.after(0)
                await asyncio.sleep(0.05)
            await box.close()
        finally:
            await mail.stop()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(breaks())
