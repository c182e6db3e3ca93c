"""YooKassa through its official SDK.

The SDK as shipped keeps one shop's credentials in a class, waits for ever, turns a lost connection into an
AttributeError and makes up an idempotence key; its models pass amounts through floats. So of it serves the client
(address, credentials, headers), one a shop, with timeouts; answers are read as plain JSON.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import orjson
import requests
from urllib3.exceptions import NewConnectionError
from yookassa.client import ApiClient
from yookassa.domain.common import UserAgent

from kit.money import Money
from payments.providers.base import (
    Charge,
    Notice,
    OutcomeUnknown,
    ProviderPayment,
    ProviderRefund,
    ProviderRefused,
    ProviderUnavailable,
    Receipt,
    check_key,
)
from payments.providers.yookassa_wire import (
    NotUnderstood,
    identifier,
    money_body,
    notice_of,
    payment_body,
    payment_of,
    receipt_body,
    refund_body,
    refund_of,
)

API_URL = "https://api.yookassa.ru/v3"
PAGE = 100
MOST_PAGES = 50

T = TypeVar("T")


class ShopClient(ApiClient):  # type: ignore[misc]  # the SDK has no types
    """The SDK's client for one shop. Nothing of it is shared with other shops and nothing is logged."""

    def __init__(self, shop_id: str, secret: str, api_url: str, timeout: tuple[float, float]) -> None:
        # The SDK's own constructor reads the credentials from a global, so it is not called.
        self.endpoint = api_url.rstrip("/")
        self.shop_id = shop_id
        self.shop_password = secret
        self.auth_token = None
        self.user_agent = UserAgent()
        self._timeout = timeout

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> dict[str, Any]:
        """One request and its answer. Raises the errors of `payments.providers.base`; blocks."""
        headers = self.prepare_request_headers({"Idempotence-Key": key} if key else None)
        try:
            with requests.Session() as session:
                session.trust_env = False  # a .netrc would replace our credentials
                response = session.request(
                    method,
                    self.endpoint + path,
                    params=query,
                    headers=headers,
                    data=None if body is None else orjson.dumps(body),
                    timeout=self._timeout,
                    allow_redirects=False,
                )
        except requests.exceptions.RequestException as error:
            kind = ProviderUnavailable if _never_left(error) else OutcomeUnknown
            raise kind(f"{method} {path}: {type(error).__name__}") from error
        return _answer(response, f"{method} {path}")


@dataclass(frozen=True, slots=True)
class ShopFacts:
    """What YooKassa says of a shop of its own."""

    number: str
    test: bool
    enabled: bool
    receipts: bool
    """Whether a cash register is connected there: a payment without a receipt is refused then."""


def _facts(raw: Mapping[str, Any]) -> ShopFacts:
    return ShopFacts(
        str(raw.get("account_id", "")), bool(raw.get("test")), raw.get("status") == "enabled", _register(raw)
    )


def _register(raw: Mapping[str, Any]) -> bool:
    told: Any = raw.get("fiscalization") or {}
    return bool(raw.get("fiscalization_enabled")) or (isinstance(told, Mapping) and bool(told.get("enabled")))


class YooKassa:
    """One shop's account.

    workers   how many calls of this shop may be under way; a shop that hangs holds back no other
    timeout   seconds to connect, and between two pieces of an answer
    deadline  seconds after which a call is given up as unknown, whatever it does
    """

    name = "yookassa"
    can_be_asked = True

    def __init__(
        self,
        shop_id: str,
        secret: str,
        *,
        api_url: str = API_URL,
        timeout: tuple[float, float] = (3.05, 20.0),
        deadline: float = 30.0,
        workers: int = 4,
    ) -> None:
        self._client = ShopClient(shop_id, secret, api_url, timeout)
        self._deadline = deadline
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="yookassa")

    async def whose(self) -> ShopFacts:
        """The shop whose number and key these are. Raises ProviderRefused for a key that does not fit the number.

        Source: https://yookassa.ru/developers/api#me_object
        """
        return await self._read("/me", _facts)

    async def create(self, charge: Charge) -> ProviderPayment:
        return await self._change("/payments", payment_body(charge), charge.key, payment_of)

    async def fetch(self, provider_id: str) -> ProviderPayment:
        return await self._read(f"/payments/{identifier(provider_id)}", payment_of)

    async def find(self, key: str, value: str, *, since: datetime) -> list[ProviderPayment]:
        """The API cannot search by metadata: all payments since then are read, so keep it recent."""
        moment = since.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        found = await self._list("/payments", {"created_at.gte": moment}, payment_of)
        return [payment for payment in found if payment.metadata.get(key) == value]

    async def capture(
        self, provider_id: str, amount: Money, *, key: str, receipt: Receipt | None = None
    ) -> ProviderPayment:
        body: dict[str, Any] = {"amount": money_body(amount)}
        if receipt is not None:
            body["receipt"] = receipt_body(receipt)
        return await self._change(f"/payments/{identifier(provider_id)}/capture", body, key, payment_of)

    async def cancel(self, provider_id: str, *, key: str) -> ProviderPayment:
        """Only held money can be given back: a pending payment is refused, it can but expire."""
        return await self._change(f"/payments/{identifier(provider_id)}/cancel", None, key, payment_of)

    async def refund(
        self, provider_id: str, amount: Money, *, key: str, reason: str, receipt: Receipt | None = None
    ) -> ProviderRefund:
        return await self._change("/refunds", refund_body(provider_id, amount, reason, receipt), key, refund_of)

    async def fetch_refund(self, refund_id: str) -> ProviderRefund:
        return await self._read(f"/refunds/{identifier(refund_id)}", refund_of)

    async def refunds_of(self, provider_id: str) -> list[ProviderRefund]:
        return await self._list("/refunds", {"payment_id": identifier(provider_id)}, refund_of)

    def notice(self, body: bytes) -> Notice | None:
        return notice_of(body)

    async def close(self) -> None:
        """Calls that wait for a thread are dropped; those under way end by their own timeouts."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _change(
        self, path: str, body: Mapping[str, Any] | None, key: str, understand: Callable[[Mapping[str, Any]], T]
    ) -> T:
        check_key(key)
        try:
            return understand(await self._in_thread("POST", path, body=body, key=key))
        except NotUnderstood as error:
            raise OutcomeUnknown(f"POST {path}: {error}") from error

    async def _read(
        self, path: str, understand: Callable[[Mapping[str, Any]], T], query: Mapping[str, str] | None = None
    ) -> T:
        """A question changes nothing, so it has no unknown outcome: it was answered or it was not."""
        try:
            return understand(await self._in_thread("GET", path, query=query))
        except (OutcomeUnknown, NotUnderstood) as error:
            raise ProviderUnavailable(str(error)) from error

    async def _list(self, path: str, query: Mapping[str, str], understand: Callable[[Mapping[str, Any]], T]) -> list[T]:
        def page_of(raw: Mapping[str, Any]) -> tuple[list[T], str | None]:
            return [understand(item) for item in raw.get("items") or ()], raw.get("next_cursor")

        rows: list[T] = []
        wanted = {**query, "limit": str(PAGE)}
        for _ in range(MOST_PAGES):
            items, cursor = await self._read(path, page_of, wanted)
            rows += items
            if cursor is None:
                return rows
            wanted["cursor"] = cursor
        raise ProviderUnavailable(f"GET {path}: more than {MOST_PAGES} pages")

    async def _in_thread(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> dict[str, Any]:
        def call() -> dict[str, Any]:
            return self._client.call(method, path, query=query, body=body, key=key)

        try:
            async with asyncio.timeout(self._deadline):
                return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except TimeoutError as error:
            raise OutcomeUnknown(f"{method} {path}: no answer in {self._deadline} s") from error


def _answer(response: requests.Response, call: str) -> dict[str, Any]:
    try:
        body = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        body = None
    if response.status_code == 200 and isinstance(body, dict):
        return body
    if response.status_code == 429:
        raise ProviderUnavailable(f"{call}: too many requests")
    if 400 <= response.status_code < 500 and isinstance(body, dict) and "code" in body:
        raise ProviderRefused(str(body["code"]), str(body.get("description", "")), body.get("parameter"))
    raise OutcomeUnknown(f"{call}: HTTP {response.status_code} without a proper answer")


def _never_left(error: requests.exceptions.RequestException) -> bool:
    """Whether the request certainly did not reach the provider."""
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.InvalidURL):
        return True
    cause = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(cause, NewConnectionError):
        return True
    return any(isinstance(part, ssl.SSLCertVerificationError) for part in getattr(cause, "args", ()))
