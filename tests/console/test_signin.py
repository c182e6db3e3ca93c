"""Coming in and going out."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

import pytest
from yarl import URL

from operator_console.visits import local_path
from tests.console.desk import PASSWORD, Browser, Desk


async def sign_in(browser: Browser, email: str, password: str, **more: str) -> tuple[int, str, str]:
    answer = await browser.post("/login", {"email": email, "password": password, **more})
    return answer.status, answer.headers.get("Location", ""), answer.text


async def test_a_person_signs_in_and_comes_to_where_they_wanted(desk: Desk) -> None:
    browser = desk.stranger()
    asked = await browser.get("/inbox?channel=telegram")
    to_login = URL(asked.headers["Location"])
    assert (asked.status, to_login.path, to_login.query["next"]) == (303, "/login", "/inbox?channel=telegram")
    status, location, _ = await sign_in(browser, "Marina@Clay.example ", PASSWORD, next="/inbox?channel=telegram")
    assert (status, location) == (303, "/inbox?channel=telegram")
    page = await browser.get(location)
    assert page.status == 200
    assert "Анна Ветрова" in page.text


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(desk: Desk) -> None:
    answer = await desk.stranger().post("/login", {"email": "marina@clay.example", "password": PASSWORD})
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("prilavok=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))


async def test_a_wrong_password_and_an_unknown_address_are_answered_alike(desk: Desk) -> None:
    browser = desk.stranger()
    wrong = await sign_in(browser, "marina@clay.example", "не тот пароль")
    unknown = await sign_in(browser, "nobody@clay.example", "не тот пароль")
    assert wrong[0] == unknown[0] == 422
    assert wrong[2].replace("marina@", "nobody@") == unknown[2]
    assert "prilavok" not in {cookie.key for cookie in browser.http.cookie_jar}


async def test_guessing_is_slowed_down_whatever_the_password_is(desk: Desk) -> None:
    browser = desk.stranger()
    for _ in range(5):
        await sign_in(browser, "marina@clay.example", "не тот пароль")
    status, _, page = await sign_in(browser, "marina@clay.example", PASSWORD)
    assert status == 422
    assert "Слишком много попыток" in page


async def test_a_sign_in_form_of_another_site_is_not_taken(desk: Desk) -> None:
    for told in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        answer = await desk.stranger().post("/login", {"email": "marina@clay.example", "password": PASSWORD}, **told)
        assert (answer.status, answer.headers.get("Set-Cookie")) == (403, None)


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (422, "application/x-www-form-urlencoded", b"email=marina%00%40clay.example&password=%00"),
        (422, "application/x-www-form-urlencoded", b"email=%ED%A0%80%FF&password=%FF"),
        (
            422,
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\n\0\r\n--x--\r\n',
        ),
        (400, "application/x-www-form-urlencoded; charset=nonsense", b"email=a&password=b"),
        (400, "multipart/form-data", b"email"),
        (400, "multipart/form-data; boundary=x", b"--x\r\nemail"),
    ],
)
async def test_a_form_that_no_browser_makes_is_refused_and_breaks_nothing(
    desk: Desk, status: int, kind: str, body: bytes
) -> None:
    assert (await desk.stranger().post("/login", body, **{"Content-Type": kind})).status == status
    browser = await desk.signed_in(desk.ours.owner)
    assert (await browser.post("/settings/rules", body, **{"Content-Type": kind})).status in (400, 409, 422, 204)


async def raw(desk: Desk, head: bytes, body: bytes = b"") -> int:
    """The status of the answer to bytes that no client would write."""
    reader, writer = await asyncio.open_connection("127.0.0.1", URL(desk.address).port)
    lines = b"%s\r\nHost: shop\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (head, len(body), body)
    writer.write(lines)
    status = int((await reader.readline()).split()[1])
    writer.close()
    return status


async def test_what_strangers_write_into_headers_and_addresses_breaks_nothing(desk: Desk) -> None:
    for cookie in (b"prilavok=\xff\xfe", b"prilavok=%00"):
        assert await raw(desk, b"GET /inbox HTTP/1.1\r\nCookie: " + cookie) == 303
    assert await raw(desk, b"POST /login HTTP/1.1\r\nOrigin: http://[") == 403
    form = f"email=marina%40clay.example&password={quote(PASSWORD)}".encode()
    kind = b"Content-Type: application/x-www-form-urlencoded"
    assert await raw(desk, b"POST /login HTTP/1.1\r\nUser-Agent: \xff\r\n" + kind, form) == 303
    browser = await desk.signed_in(desk.ours.owner)
    cookie = next(f"prilavok={each.value}" for each in browser.http.cookie_jar).encode()
    forged = b"POST /settings/rules HTTP/1.1\r\nX-CSRF-Token: \xff\r\nCookie: " + cookie
    assert await raw(desk, forged) == 403
    for path in ("/orders?channel=%00", "/orders?q=a%00b", "/inbox?view=%00", "/tasks?who=%00"):
        assert (await browser.get(path)).status == 404, path


async def test_signing_out_ends_the_session_itself(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    token = browser.http.cookie_jar.filter_cookies(URL(desk.address))["prilavok"].value
    assert (await browser.post("/logout")).status == 303
    kept = Browser(desk.address, token, browser.csrf)
    answer = await kept.get("/inbox")
    await kept.http.close()
    assert answer.status == 303
    assert answer.headers["Location"].startswith("/login")


async def test_a_script_of_a_page_left_open_is_told_that_the_session_is_over(desk: Desk) -> None:
    assert (await desk.stranger().fragment("/inbox/list")).status == 401


async def test_language_and_brightness_are_kept_with_the_person(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    await browser.post("/me/language", {"language": "en"})
    await browser.post("/me/theme", {"theme": "dark"})
    page = (await (await desk.signed_in(desk.ours.operator)).get("/inbox")).text
    assert '<html lang="en" data-bs-theme="dark"' in page
    assert "Conversations" in page


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "\\\\evil.example",
        "/a\\b",
        "javascript:alert(1)",
        "evil.example",
        "/ /evil.example",
        "/inbox\r\nSet-Cookie: a=b",
        "",
    ],
)
def test_the_way_on_never_leads_off_the_site(address: str) -> None:
    assert local_path(address) == "/"


@pytest.mark.parametrize("address", ["/", "/inbox/7?view=mine&q=%D0%B0", "/orders#new"])
def test_the_way_on_within_the_site_is_kept(address: str) -> None:
    assert local_path(address) == address


async def test_a_person_changes_the_password_and_stays_in_this_browser_only(desk: Desk) -> None:
    marina, elsewhere = await desk.signed_in(desk.ours.operator), await desk.signed_in(desk.ours.operator)
    refused = await marina.post("/me/password", {"present": "не тот пароль", "password": "совсем новый"})
    assert (refused.status, "Нынешний пароль не подошёл" in refused.text) == (409, True)
    assert (await marina.post("/me/password", {"present": PASSWORD, "password": "короче"})).status == 409
    done = await marina.post("/me/password", {"present": PASSWORD, "password": "совсем новый"})
    assert (done.status, done.toast) == (204, "Пароль сменён")
    assert ((await marina.get("/me")).status, (await elsewhere.get("/me")).status) == (200, 303)
    assert (await sign_in(desk.stranger(), "marina@clay.example", "совсем новый"))[0] == 303


async def test_guesses_at_the_present_password_are_slowed_down(desk: Desk) -> None:
    marina = await desk.signed_in(desk.ours.operator)
    for _ in range(5):
        await marina.post("/me/password", {"present": "не тот пароль", "password": "совсем новый"})
    answer = await marina.post("/me/password", {"present": PASSWORD, "password": "совсем новый"})
    assert (answer.status, "Слишком много попыток" in answer.text) == (409, True)


async def test_an_owner_gives_an_operator_a_new_password_but_no_owner(desk: Desk) -> None:
    owner, marina = await desk.signed_in(desk.ours.owner), await desk.signed_in(desk.ours.operator)
    new = {"password": "совсем новый"}
    assert (await owner.post(f"/staff/{desk.ours.owner.id}/password", new)).status == 403
    assert (await marina.post(f"/staff/{desk.ours.colleague.id}/password", new)).status == 403
    assert (await owner.post(f"/staff/{desk.ours.operator.id}/password", new)).status == 204
    assert (await marina.get("/me")).status == 303
    assert (await sign_in(desk.stranger(), "marina@clay.example", "совсем новый"))[0] == 303
