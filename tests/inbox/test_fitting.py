"""A message fits its channel and loses nothing on the way."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from inbox.capabilities import Capabilities, Goods
from inbox.content import Action, Button, Media, MediaKind, Offer, Offers, Outgoing, Span, Style, styled
from inbox.fitting import as_buttons, fit, length

ROOMY = Capabilities()
BARE = Capabilities(text=200, caption=50, buttons=0, keyboard=False, styles=frozenset(), utf16=True, media=2)


def button(n: int) -> Button:
    return Button(f"Кружка {n}", Action("product", {"id": n}))


def test_what_fits_is_left_alone() -> None:
    outgoing = Outgoing(text="Здравствуйте!", rows=((button(1), button(2)),))
    assert fit(outgoing, ROOMY).parts == (outgoing,)


def test_buttons_that_the_channel_cannot_show_become_numbers_that_mean_the_same() -> None:
    fitted = fit(Outgoing(text="Выберите:", rows=((button(7), button(8)), (button(9),))), BARE)
    assert fitted.parts == (Outgoing(text="Выберите:\n\n1. Кружка 7\n2. Кружка 8\n3. Кружка 9"),)
    assert [action.args["id"] for action in fitted.offered] == [7, 8, 9]


def test_the_last_rows_stay_buttons_where_there_is_room_for_them() -> None:
    rows = ((button(1), button(2)), (button(3),), (button(4), button(5)))
    for room in (replace(ROOMY, buttons=4), replace(ROOMY, rows=2)):
        fitted = fit(Outgoing(text="Выберите:", rows=rows), room)
        assert fitted.parts == (Outgoing(text="Выберите:\n\n1. Кружка 1\n2. Кружка 2", rows=rows[1:]),)
        assert [action.args["id"] for action in fitted.offered] == [1, 2]


def test_a_link_button_is_written_out_and_takes_no_number() -> None:
    rows = ((Button("Оплатить", url="https://pay.example/p/1"), button(1)),)
    fitted = fit(Outgoing(text="Заказ", rows=rows), BARE)
    assert fitted.parts[0].text == "Заказ\n\nОплатить: https://pay.example/p/1\n1. Кружка 1"
    assert len(fitted.offered) == 1


def test_a_caption_that_is_too_long_goes_below_its_photo_with_the_buttons() -> None:
    photo = Media(MediaKind.PHOTO, file_id=1)
    outgoing = Outgoing(text="слово " * 300, media=(photo,), rows=((button(1),),))
    parts = fit(outgoing, ROOMY).parts
    assert parts[0] == Outgoing(media=(photo,))
    assert parts[-1].rows == outgoing.rows
    assert not parts[-1].media


def test_an_album_with_buttons_keeps_its_buttons_under_the_text() -> None:
    photos = tuple(Media(MediaKind.PHOTO, file_id=n) for n in range(3))
    parts = fit(Outgoing(text="Три фото", media=photos, rows=((button(1),),)), ROOMY).parts
    assert parts[0] == Outgoing(media=photos)
    assert parts[1].text == "Три фото"
    assert parts[1].rows


def test_labels_are_cut_and_rows_are_broken_at_the_channels_width() -> None:
    narrow = replace(ROOMY, per_row=2, label=10)
    rows = (tuple(Button("Очень длинное название", Action("a")) for _ in range(5)),)
    fitted = fit(Outgoing(text="x", rows=rows), narrow).parts[0].rows
    assert [len(row) for row in fitted] == [2, 2, 1]
    assert {button.label for row in fitted for button in row} == {"Очень дли…"}


def test_a_link_whose_style_the_channel_lacks_stays_readable() -> None:
    text, spans = styled('Смотрите <a href="https://shop.example">здесь</a>')
    assert fit(Outgoing(text=text, spans=spans), BARE).parts[0].text == "Смотрите здесь\nздесь: https://shop.example"


def test_markup_becomes_spans() -> None:
    assert styled("<b>Итого</b>: 5 &lt; 6 <i>₽</i>") == (
        "Итого: 5 < 6 ₽",
        (Span(Style.BOLD, 0, 5), Span(Style.ITALIC, 13, 1)),
    )


def shelf(count: int, *, sku: str = "MUG") -> Outgoing:
    each = tuple(Offer(button(n), f"Кружка {n}", "1 450 ₽", "Подробнее", sku=sku) for n in range(count))
    return Outgoing(
        text="Кружки",
        rows=((button(90),), (button(91),)),
        offers=Offers(each, "Кружки", below=1, after="Что ещё?"),
    )


def test_products_are_buttons_in_their_place_where_they_cannot_be_one_thing() -> None:
    [part] = fit(shelf(2), ROOMY).parts
    assert [each.label for each in part.buttons()] == ["Кружка 90", "Кружка 0", "Кружка 1", "Кружка 91"]
    assert part.offers is None
    assert as_buttons(shelf(3), per_row=2).rows[1:3] == ((button(0), button(1)), (button(2),))


def test_products_stand_as_one_thing_and_the_other_buttons_behind_them() -> None:
    card = replace(ROOMY, goods=Goods(most=3, title=8, note=3))
    above, below = fit(shelf(4), card).parts
    assert (above.text, above.rows, below.text) == ("Кружки", (), "Что ещё?")
    assert above.offers is not None
    assert [(offer.title, offer.note) for offer in above.offers.each] == [(f"Кружка {n}", "1…") for n in range(3)]
    assert [each.label for each in below.buttons()] == ["Кружка 90", "Кружка 3", "Кружка 91"], "none is left out"
    [alone] = fit(replace(shelf(2), rows=()), card).parts
    assert alone.buttons() == [button(0), button(1)]


def test_products_of_the_messengers_catalogue_have_numbers_that_mean_the_same() -> None:
    card = replace(ROOMY, buttons=1, goods=Goods(most=30, title=60, note=60, own_catalogue=True))
    fitted = fit(shelf(2), card)
    assert [part.text for part in fitted.parts] == [
        "Кружки\n\n1. Кружка 0\n2. Кружка 1",
        "Что ещё?\n\n3. Кружка 90",
    ]
    assert [action.args["id"] for action in fitted.offered] == [0, 1, 90]
    [listed] = fit(shelf(1, sku=""), replace(card, buttons=9)).parts
    assert listed.offers is None, "the catalogue knows goods by SKU alone"


def test_products_have_words_and_files_above_them() -> None:
    card = replace(ROOMY, goods=Goods(most=3, title=60, note=60), text=20)
    photo = Media(MediaKind.PHOTO, file_id=1)
    parts = fit(replace(shelf(1), text="слово " * 5, media=(photo,), rows=()), card).parts
    assert parts[0] == Outgoing(media=(photo,))
    assert [bool(part.offers) for part in parts] == [False] * (len(parts) - 1) + [True]
    assert " ".join(part.text for part in parts).split() == ["слово"] * 5


WORDS = st.text(alphabet="абвxyz😀 .\n", min_size=1, max_size=900)


@given(WORDS, st.integers(20, 120), st.booleans())
def test_a_split_text_says_every_word_within_the_limit(text: str, limit: int, utf16: bool) -> None:
    capabilities = replace(ROOMY, text=limit, utf16=utf16)
    parts = fit(Outgoing(text=text), capabilities).parts
    assert all(length(part.text, capabilities) <= limit for part in parts)
    assert "".join("".join(part.text.split()) for part in parts) == "".join(text.split())


@given(WORDS, st.data())
def test_formatting_stays_on_the_same_letters_when_a_text_is_split(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    span = Span(Style.BOLD, start, data.draw(st.integers(1, len(text) - start)))
    parts = fit(Outgoing(text=text, spans=(span,)), replace(ROOMY, text=50)).parts
    bold = "".join(part.text[s.offset : s.offset + s.length] for part in parts for s in part.spans)
    assert "".join(bold.split()) == "".join(text[start : start + span.length].split())
