"""A letter's words without what it quotes: neither the talk below it, nor what leads into that, nor a signature."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.channels.email_html import LONGEST, QUOTE, REST, tidy

LONGEST_TEXT = 20_000
"""Characters of a letter's words that are kept."""


def of_plain(source: str, *, flowed: bool = False) -> str:
    """`flowed`: a space at a line's end joins it with the next. Source: https://www.rfc-editor.org/rfc/rfc3676"""
    text = source[:LONGEST].replace("\r\n", "\n").replace("\r", "\n").replace(QUOTE, "").replace(REST, "")
    if flowed:
        text = re.sub(r"(?m)^(?!-- $|>)(.*) \n(?![>\n])", r"\1 ", text)
    return tidy(text)


def cut(text: str) -> str:
    """The text without quotations, what leads into them, and signatures; the whole of it if nothing else was left."""
    lines = text.split("\n")
    kept = _without_signature(_without_quotes(lines))
    words = tidy("\n".join(kept)).strip()
    if not words:
        words = tidy("\n".join(line.lstrip("> ") for line in lines if line not in (QUOTE, REST))).strip()
    return words[:LONGEST_TEXT]


# What leads into a quotation, in the words of mail programs.

_SAID = (
    r"(?:wrote|writes|пишет|писал(?:\(а\)|а)?|написал(?:\(а\)|а)?|schrieb|a écrit|escribió|ha scritto|escreveu|skrev|"
    r"napisał\(?a?\)?)"
)
_LEAD = re.compile(
    rf"^\W*+(?=.*(?:\d{{1,2}}[:.]\d{{2}}|\d{{4}}|@)).{{0,300}}(?:{_SAID}[^:\n]{{0,120}}:|<[^<>\n]+@[^<>\n]+>\s*:)\s*$",
    re.IGNORECASE,
)
_MOMENT = re.compile(r"\d{1,2}[:.]\d{2}|\d{4}")
_RULE = re.compile(
    r"^[\s>*]*-{2,}\s*(?:original message|reply message|исходное сообщение|исходное письмо|ursprüngliche nachricht|"
    r"message d'origine|mensaje original|mensagem original|messaggio originale|original appointment|"
    r"oorspronkelijk bericht|originalmeddelelse|opprinnelig melding|alkuperäinen viesti)\s*-*\s*$",
    re.IGNORECASE,
)
FORWARDED = re.compile(
    r"forwarded message|begin forwarded message|пересылаемое сообщение|пересланное сообщение|"
    r"перенаправленное сообщение|начало переадресованного сообщения|начало пересылаемого сообщения",
    re.IGNORECASE,
)
_FROM = re.compile(r"^[\s>*]*(?:from|от|от кого|von|de|da|fra|från|van|lähettäjä)\s*\*?\s*:", re.IGNORECASE)
_HEAD = re.compile(
    r"^[\s>*]*(?:sent|date|to|cc|subject|отправлено|отправлен|дата|кому|копия|тема|gesendet|datum|an|betreff|envoyé|"
    r"objet|à|enviado|para|asunto|assunto|inviato|oggetto|a|data|sendt|til|emne|skickat|till|ämne|verzonden|aan|"
    r"onderwerp|lähetetty|vastaanottaja|aihe)\s*\*?\s*:",
    re.IGNORECASE,
)
_MOBILE = re.compile(
    r"^\W*(?:sent from my [\w +/’'-]{1,40}|(?:sent from (?:outlook|mail for|yahoo|proton|samsung)|sent with proton|"
    r"get outlook for|отправлено (?:с|со|из|через)\b|послано с|получите outlook|скачайте outlook|"
    r"von meinem \w+ gesendet|envoyé de(?:puis)? mon).{0,120})\W*$",
    re.IGNORECASE,
)


def _without_quotes(lines: Sequence[str]) -> list[str]:
    kept: list[str] = []
    n = 0
    while n < len(lines):
        line = lines[n]
        if line == REST or _RULE.match(line) or _is_head(lines, n):
            while kept and re.fullmatch(r"[\s_*-]*", kept[-1]):
                kept.pop()
            break
        if line == QUOTE or line.startswith(">"):
            n += 1
        elif length := _lead(lines, n):
            n += length
            if not _is_quoted_next(lines, n):
                # Programs that mark nothing: all that follows is what is answered.
                break
        else:
            kept.append(line)
            n += 1
    return kept


def _lead(lines: Sequence[str], n: int) -> int:
    """How many lines from this one on lead into a quotation; 0 for none. Long ones are broken by mail programs."""
    if not lines[n].strip():
        return 0
    for length in (1, 2, 3):
        joined = " ".join(line.strip() for line in lines[n : n + length])
        if joined.endswith(":") and len(joined) < 500 and _LEAD.match(joined):
            return length
        begins = _MOMENT.search(lines[n]) and not re.search(r"[.!?…]\s*$", lines[n])
        if not begins or n + length >= len(lines) or not lines[n + length].strip():
            return 0
    return 0


def _is_quoted_next(lines: Sequence[str], n: int) -> bool:
    following = next((line for line in lines[n:] if line.strip()), "")
    return following == QUOTE or following.startswith(">")


def _is_head(lines: Sequence[str], n: int) -> bool:
    """The header of the letter that is answered, as Outlook writes it."""
    if not _FROM.match(lines[n]):
        return False
    return sum(bool(_HEAD.match(line)) for line in lines[n + 1 : n + 7]) >= 2


def _without_signature(lines: Sequence[str]) -> list[str]:
    """Up to the line that begins one by the rules, and without what phones add at the end."""
    kept = list(lines)
    for n, line in enumerate(kept):
        if line in ("-- ", "--") and any(each.strip() for each in kept[:n]):
            del kept[n:]
            break
    while kept and (not kept[-1].strip() or _MOBILE.match(kept[-1])):
        kept.pop()
    return kept
