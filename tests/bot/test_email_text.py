"""A letter's own words, as mail programs wrap them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bot.channels.email_html import of_html
from bot.channels.email_text import cut, of_plain

SHARED = Path(__file__).resolve().parents[3] / "shared/specs/email/reply_fixtures_crisp"

WORDS = "Спасибо! Беру две.\nКогда привезёте?"

ASKED = "Спасибо! Беру две.<div>Когда привезёте?</div>"

HTML = {
    "Gmail": f'<div dir="ltr">{ASKED}</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">чт,'
    " 27 нояб. 2026 г."
    ' в 12:00, Лавка &lt;<a href="mailto:s@c.ex">s@c.ex</a>&gt;:<br></div><blockquote>Кружка есть</blockquote></div>',
    "Outlook": f'<div class="WordSection1">{ASKED}<div style="border:none;border-top:solid #E1E1E1 1.0pt;paddi'
    'ng:3.0pt 0cm">'
    '<p class="MsoNormal"><b>From:</b> Лавка &lt;s@c.ex&gt;<br><b>Subject:</b> К</p></div><p>Кружка есть</p></div>',
    "Outlook on the web": f'{ASKED}<div id="appendonsend"></div><hr><div id="divRplyFwdMsg"><b>От:</b> Лавка</'
    "div><p>Есть</p>",
    "Apple Mail": f'<html><body>{ASKED}<div><br><blockquote type="cite"><div>27 нояб. 2026 г., в 12:00, Лавка'
    " написал(а):"
    "</div><div>Кружка есть</div></blockquote></div></body></html>",
    "Yandex": f'{ASKED}<div> </div><div>27.11.2026, 12:00, "Лавка" &lt;s@c.ex&gt;:</div><blockquote><p>Есть</p'
    "></blockquote>",
    "Mail.ru": f"{ASKED}<div> </div><blockquote style='border-left:1px solid #0857A6'>Четверг, 27 ноября 2026, 12:00 "
    "+03:00 от Лавка &lt;s@c.ex&gt;:<br><p>Есть</p></blockquote><div>Отправлено из мобильной Почты Mail.ru</div>",
    "Thunderbird": f'<p>{ASKED}</p><div class="moz-cite-prefix">27.11.2026 12:00, Лавка пишет:<br></div><blockquote '
    'type="cite">Кружка есть</blockquote>',
    "an answer below": f'<blockquote type="cite">Кружка есть</blockquote><p>{ASKED}</p>',
    "what nobody sees": f"<head><title>Письмо</title><style>p{{}}</style><body><p>{ASKED}</p><div style='displ"
    "ay:none'>тайно"
    '</div><script>evil("</div>")</script><img src="http://spy.example/p.gif" alt="">',
}


@pytest.mark.parametrize("program", HTML)
def test_what_a_program_quotes_is_left_out(program: str) -> None:
    assert cut(of_html(HTML[program])[0]) == WORDS


PLAIN = {
    "iPhone": f"{WORDS}\n\nОтправлено с iPhone\n\n> 27 нояб. 2026 г., в 12:00, Лавка <s@c.ex> написал(а):\n>"
    " \n> Есть\n",
    "Gmail": f"{WORDS}\n\nOn Fri, Nov 27, 2026 at 12:00 PM Clay & Linen <\nshop@clay.example> wrote:\n\n> Круж"
    "ка есть\n>\n",
    "Outlook": f"{WORDS}\n\n_______________\nОт: Лавка <s@c.ex>\nОтправлено: 27 ноября\nКому: Анна\nТема: К\n\nЕсть",
    "The Bat": f"{WORDS}\n\n----- Исходное сообщение -----\nКружка есть\n",
    "signed": f"{WORDS}\n-- \nАнна, +7 900 000-00-00\n",
    "within": "> Сколько?\nСпасибо! Беру две.\n> Куда?\nКогда привезёте?",
}


@pytest.mark.parametrize("program", PLAIN)
def test_plain_text_is_cut_as_well(program: str) -> None:
    assert cut(of_plain(PLAIN[program])) == WORDS


def test_a_link_keeps_its_address_and_a_list_its_points() -> None:
    assert of_html("<div>a</div><div>b</div><div><br></div><p>c</p><p>d</p>")[0] == "a\nb\n\nc\n\nd"
    shown, _ = of_html('<ul><li>Вот <a href="https://clay.example/m?a=1&amp;b=2">эта</a></li><li>a &lt; b</li></ul>')
    assert shown == "• Вот эта (https://clay.example/m?a=1&b=2)\n• a < b"


def test_pictures_of_what_is_quoted_are_known_from_those_of_the_letter() -> None:
    page = '<img src="cid:new"><blockquote><img src="cid:old"><img src="cid:new"></blockquote>'
    assert of_html(page)[1] == {"old"}


def test_who_only_quotes_is_heard_all_the_same() -> None:
    assert cut("> Кружка есть\n> Берёте?") == "Кружка есть\nБерёте?"


def test_lines_that_only_look_like_a_quotation_stay() -> None:
    for words in (
        "From: Москва\nдо Казани сколько идёт?",
        "Он писал: приходите в 12:00",
        "Встретимся в 14:30\n15.01.2026 подойдёт?",
        "Sent from my desk, it is easier than from the phone.",
    ):
        assert cut(words) == words


def test_hostile_letters_take_no_time() -> None:
    began = time.perf_counter()
    for piece in (
        "<",
        "</",
        "<!--",
        "<![CDATA[",
        "<?",
        '<a b="',
        "<div>",
        "<blockquote>",
        "-" * 400 + "\n",
        "&",
        "> " * 200 + "\n",
    ):
        cut(of_html(piece * (300_000 // len(piece)))[0])
        cut(of_plain(piece * (300_000 // len(piece)), flowed=True))
    assert time.perf_counter() - began < 10, "each is far below a second; one that grows as its square takes minutes"


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the shared samples of answers, ../shared/specs/email")
def test_answers_in_many_languages_are_told_from_what_they_answer() -> None:
    """Those samples that begin with one and the same paragraph are cut down to it, in eleven languages."""
    first = "Fusce bibendum, quam hendrerit"
    cuts = {}
    for path in SHARED.glob("*.txt"):
        whole = path.read_text(errors="replace")
        if whole.startswith(first):
            cuts[path.name] = cut(of_plain(whole))
    assert all(each.startswith(first) for each in cuts.values()), "nobody's own words are lost"
    alone = {name for name, each in cuts.items() if each.endswith("nec nec nibh.")}
    for language in (
        "russian",
        "german",
        "german_outlook",
        "italian",
        "portuguese",
        "norwegian_gmail",
        "fr_multiline",
        "ios_outlook",
    ):
        assert f"email_{language}.txt" in alone
    assert len(alone) >= 30
