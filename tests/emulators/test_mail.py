"""The mail stand-in, as the standard library's clients see it."""

from __future__ import annotations

import asyncio
import imaplib
import smtplib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

import aiohttp
import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer

from emulators.mail import Account, MailEmulator, Trouble

T = TypeVar("T")

SHOP, ANNA, PASSWORD = "shop@clay.example", "anna@mail.example", "secret of the shop"
LETTER = b"From: shop@clay.example\r\nTo: anna@mail.example\r\nSubject: hi\r\n\r\n.dot\r\nlast\r\n"


@pytest_asyncio.fixture(name="mail")
async def mail_fixture() -> AsyncIterator[MailEmulator]:
    emulator = MailEmulator([Account(SHOP, "Лавка", PASSWORD)], [Account(ANNA, "Анна")])
    await emulator.start()
    yield emulator
    await emulator.stop()


async def by_smtp(mail: MailEmulator, act: Callable[[smtplib.SMTP], T], password: str = PASSWORD) -> T:
    def run() -> T:
        with smtplib.SMTP("127.0.0.1", mail.ports[1], timeout=10) as client:
            client.login(SHOP, password)
            return act(client)

    return await asyncio.to_thread(run)


async def by_imap(mail: MailEmulator, act: Callable[[imaplib.IMAP4], T], *, log_in: bool = True) -> T:
    def run() -> T:
        with imaplib.IMAP4("127.0.0.1", mail.ports[0], timeout=10) as client:
            if log_in:
                client.login(SHOP, PASSWORD)
            return act(client)

    return await asyncio.to_thread(run)


async def test_smtplib_hands_letters_over_and_hears_refusals(mail: MailEmulator) -> None:
    assert await by_smtp(mail, lambda client: client.sendmail(SHOP, [ANNA], LETTER)) == {}
    [letter] = mail.program(ANNA).mailbox.inbox
    assert letter.source == b"Return-Path: <shop@clay.example>\r\n" + LETTER
    with pytest.raises(smtplib.SMTPRecipientsRefused) as nobody:
        await by_smtp(mail, lambda client: client.sendmail(SHOP, ["nobody@mail.example"], LETTER))
    assert nobody.value.recipients["nobody@mail.example"][0] == 550
    with pytest.raises(smtplib.SMTPSenderRefused):
        await by_smtp(mail, lambda client: client.sendmail(ANNA, [ANNA], LETTER))
    with pytest.raises(smtplib.SMTPAuthenticationError):
        await by_smtp(mail, lambda client: client.noop(), password="wrong")
    for trouble, code in ((Trouble.FOR_NOW, 451), (Trouble.REFUSED, 554)):
        mail.plan(trouble)
        with pytest.raises(smtplib.SMTPDataError) as refused:
            await by_smtp(mail, lambda client: client.sendmail(SHOP, [ANNA], LETTER))
        assert refused.value.smtp_code == code
    for trouble, arrived in ((Trouble.CUT, 1), (Trouble.SILENT, 2)):
        mail.plan(trouble)
        with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
            await by_smtp(mail, lambda client: client.sendmail(SHOP, [ANNA], LETTER))
        assert len(mail.program(ANNA).mailbox.inbox) == arrived


async def test_what_comes_by_chance_is_counted_and_what_arrived_unanswered_is_known(mail: MailEmulator) -> None:
    chances = mail.world.chances
    chances.letters = {Trouble.SILENT: 1.0}
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        await by_smtp(mail, lambda client: client.sendmail(SHOP, [ANNA], LETTER))
    [letter] = mail.program(ANNA).mailbox.inbox
    assert mail.world.unheard == {(ANNA, letter.uid)}
    chances.letters, chances.cut = {}, 1.0
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        await by_smtp(mail, lambda client: client.noop())
    with pytest.raises((imaplib.IMAP4.abort, ConnectionError)):
        await by_imap(mail, lambda client: client.noop())
    chances.cut, chances.silent, chances.hang = 0.0, 1.0, 0.05
    with pytest.raises((imaplib.IMAP4.abort, ConnectionError)):
        await by_imap(mail, lambda client: client.noop())
    assert chances.met == {Trouble.SILENT: 1, "cut connection": 2, "silent connection": 1}


async def test_a_letter_to_another_world_comes_back(mail: MailEmulator) -> None:
    await by_smtp(mail, lambda client: client.sendmail(SHOP, ["x@far.example"], LETTER))
    [back] = mail.world.mailboxes[SHOP].inbox
    assert b"Status: 5.1.2" in back.source
    assert b"Final-Recipient: rfc822; x@far.example" in back.source


async def test_imaplib_reads_the_mailbox(mail: MailEmulator) -> None:
    anna = mail.program(ANNA)
    sources = [anna.write(f"письмо {n}", subject=f"№ {n}") for n in range(3)]

    def read(client: imaplib.IMAP4) -> None:
        assert client.select("INBOX") == ("OK", [b"3"])
        assert client.response("UIDVALIDITY")[1] == [str(mail.world.mailboxes[SHOP].validity).encode()]
        assert client.uid("SEARCH", "UID", "2:*") == ("OK", [b"2 3"])
        assert client.uid("SEARCH", "UID", "9:*") == ("OK", [b"3"]), "as RFC 3501 has it: * is the last one"
        name = sources[1].partition(b"Message-ID: ")[2].partition(b"\r\n")[0].decode()
        assert client.uid("SEARCH", "HEADER", "Message-ID", f'"{name}"') == ("OK", [b"2"])
        status, data = client.uid("FETCH", "2", "(RFC822.SIZE BODY.PEEK[])")
        assert status == "OK"
        assert isinstance(data[0], tuple)
        assert data[0][1].endswith(sources[1])
        assert client.uid("SEARCH", "UNSEEN")[1] == [b"1 2 3"]
        client.uid("STORE", "1", "+FLAGS", r"(\Seen)")
        client.fetch("2", "(BODY[HEADER])")
        assert client.uid("SEARCH", "UNSEEN")[1] == [b"3"]
        client.select("INBOX", readonly=True)
        client.fetch("3", "(BODY[])")
        assert client.uid("SEARCH", "UNSEEN")[1] == [b"3"]
        assert client.select("Нет".encode("utf-7").decode())[0] == "NO"

    await by_imap(mail, read)

    def guess(client: imaplib.IMAP4) -> None:
        client.login(SHOP, "wrong")

    with pytest.raises(imaplib.IMAP4.error):
        await by_imap(mail, guess, log_in=False)


async def test_who_waits_is_told_of_a_letter(mail: MailEmulator) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", mail.ports[0])
    writer.write(f'a LOGIN {SHOP} "{PASSWORD}"\r\nb EXAMINE INBOX\r\nc IDLE\r\n'.encode())
    while not (await reader.readline()).startswith(b"+"):
        pass
    mail.program(ANNA).write("привет")
    async with asyncio.timeout(5):
        assert await reader.readline() == b"* 1 EXISTS\r\n"
        writer.write(b"DONE\r\n")
        assert (await reader.readline()).startswith(b"c OK")
    writer.close()
    await writer.wait_closed()


async def test_mailboxes_outlive_a_restart_in_order_and_are_numbered_anew_after_a_crash(tmp_path: Path) -> None:
    def opened() -> MailEmulator:
        return MailEmulator([Account(SHOP, "", PASSWORD)], [Account(ANNA)], snapshot=tmp_path / "mail.json")

    first = opened()
    first.program(ANNA).write("привет")
    validity = first.world.mailboxes[SHOP].validity = 77
    await first.stop()
    second = opened()
    box = second.world.mailboxes[SHOP]
    assert (box.validity, [letter.uid for letter in box.inbox], box.next_uid) == (validity, [1], 2)
    assert opened().world.mailboxes[SHOP].validity != validity


async def test_the_page_writes_answers_and_shows_letters_that_can_do_nothing(mail: MailEmulator) -> None:
    async with TestClient(TestServer(mail.application())) as page:
        form = aiohttp.FormData({"subject": "Вопрос", "text": "Есть кружки?"}, default_to_multipart=True)
        form.add_field("files", b"x", filename="чек.pdf", content_type="application/pdf")
        assert (await page.post("/mail/0/send", data=form)).status == 200
        [letter] = mail.world.mailboxes[SHOP].inbox
        assert b"application/pdf" in letter.source
        evil = b"<script>alert(1)</script><img src=x onerror=alert(1)>"
        heads = b"From: S <shop@clay.example>\r\nSubject: <b>\r\nContent-Type: text/html\r\n\r\n"
        mail.world.deliver(SHOP, [ANNA], heads + evil)
        shown = await (await page.get("/mail/0?letter=2")).text()
        assert "&lt;b&gt;" in shown
        assert "<script>alert" not in shown
        frame = await page.get("/mail/0/letters/2")
        assert "sandbox allow-popups" in frame.headers["Content-Security-Policy"]
        assert "default-src 'none'" in frame.headers["Content-Security-Policy"]
        answer = aiohttp.FormData({"answers": "2", "text": "Да"}, default_to_multipart=True)
        await page.post("/mail/0/send", data=answer)
        assert b"In-Reply-To" in mail.world.mailboxes[SHOP].inbox[-1].source
        again = aiohttp.FormData({"text": "чужое"}, default_to_multipart=True)
        assert (await page.post("/mail/0/send", data=again, headers={"Sec-Fetch-Site": "cross-site"})).status == 403
        assert (await page.get("/mail/9")).status == 404
