"""Records as the API shows them. Field names and their presence follow the official OpenAPI description."""

from __future__ import annotations

from datetime import datetime

from emulators.yookassa.records import JsonObject, Payment, Receipt, Refund, Shop, Status
from kit.money import Money

FEE_PERCENT = 3
METHODS = ("bank_card", "sbp", "yoo_money", "sberbank", "tinkoff_bank")
"""Means of payment of these shops. The second and the third on the list of the real service are the same."""


def moment(value: datetime) -> str:
    return value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"


def money_object(value: Money) -> JsonObject:
    return {"value": str(value.decimal()), "currency": value.currency}


def payment_object(payment: Payment, shop: Shop, *, checkout_url: str, receipt_status: str | None) -> JsonObject:
    """The Payment object; what is not yet known is absent, never null."""
    paid = payment.status in (Status.WAITING, Status.SUCCEEDED)
    shown: JsonObject = {
        "id": payment.id,
        "status": payment.status.value,
        "amount": money_object(payment.amount),
        "recipient": {"account_id": shop.id, "gateway_id": shop.gateway_id},
        "created_at": moment(payment.created_at),
        "test": payment.test,
        "paid": paid,
        "refundable": payment.status is Status.SUCCEEDED and payment.refunded < payment.amount,
        "metadata": dict(payment.metadata),
    }
    if payment.description:
        shown["description"] = payment.description
    if payment.customer:
        shown["merchant_customer_id"] = payment.customer
    if payment.status is Status.PENDING:
        shown["confirmation"] = {
            "type": "redirect",
            "return_url": payment.return_url,
            "confirmation_url": checkout_url,
        }
    if payment.method is not None:
        shown["payment_method"] = payment.method
        if payment.method["type"] == "bank_card":
            shown["authorization_details"] = {
                "rrn": payment.id[:8] + "0000",
                "auth_code": payment.id[-6:],
                "three_d_secure": {"applied": False},
            }
    if payment.status is Status.WAITING:
        shown["expires_at"] = moment(payment.expires_at)
    if payment.captured_at is not None:
        shown["captured_at"] = moment(payment.captured_at)
        shown["income_amount"] = money_object(payment.amount - payment.amount.share(FEE_PERCENT, 100))
    if payment.refunded:
        shown["refunded_amount"] = money_object(payment.refunded)
    if receipt_status is not None:
        shown["receipt_registration"] = receipt_status
    if payment.cancellation is not None:
        shown["cancellation_details"] = {
            "party": payment.cancellation.party,
            "reason": payment.cancellation.reason,
        }
    return shown


def refund_object(refund: Refund, *, receipt_status: str | None) -> JsonObject:
    shown: JsonObject = {
        "id": refund.id,
        "payment_id": refund.payment_id,
        "status": refund.status.value,
        "created_at": moment(refund.created_at),
        "amount": money_object(refund.amount),
    }
    if refund.description:
        shown["description"] = refund.description
    if refund.metadata:
        shown["metadata"] = dict(refund.metadata)
    if receipt_status is not None:
        shown["receipt_registration"] = receipt_status
    if refund.cancellation is not None:
        shown["cancellation_details"] = {"party": refund.cancellation.party, "reason": refund.cancellation.reason}
    return shown


def receipt_status(receipt: Receipt, now: datetime) -> str:
    return "succeeded" if now >= receipt.registered_at else "pending"


def receipt_object(receipt: Receipt, now: datetime) -> JsonObject:
    status = receipt_status(receipt, now)
    shown: JsonObject = {"id": receipt.id, "type": receipt.kind, "status": status, "items": receipt.items}
    if receipt.payment_id is not None:
        shown["payment_id"] = receipt.payment_id
    if receipt.refund_id is not None:
        shown["refund_id"] = receipt.refund_id
    if receipt.settlements:
        shown["settlements"] = receipt.settlements
    if receipt.tax_system_code is not None:
        shown["tax_system_code"] = receipt.tax_system_code
    if status == "succeeded":
        shown["registered_at"] = moment(receipt.registered_at)
        shown["fiscal_document_number"] = str(3000 + receipt.number)
        shown["fiscal_storage_number"] = "9288000100115785"
        shown["fiscal_attribute"] = str(2617603921 + receipt.number)
        shown["fiscal_provider_id"] = receipt.id.removeprefix("rt-")
    return shown


def method_object(kind: str, number: str) -> JsonObject:
    """The means of payment that the buyer used; `number` makes its id."""
    titles = {"bank_card": "Bank card *4444", "sbp": "SBP", "yoo_money": "YooMoney", "sberbank": "SberPay"}
    shown: JsonObject = {
        "type": kind,
        "id": number,
        "saved": False,
        "status": "inactive",
        "title": titles.get(kind, kind),
    }
    if kind == "bank_card":
        shown["card"] = {
            "first6": "555555",
            "last4": "4444",
            "expiry_month": "12",
            "expiry_year": "2032",
            "card_type": "MasterCard",
            "issuer_country": "RU",
        }
    if kind == "sbp":
        shown["sbp_operation_id"] = number.replace("-", "").upper()
        shown["payer_bank_details"] = {"bank_id": "100000000111", "bic": "044525225"}
    return shown


def shop_object(shop: Shop) -> JsonObject:
    """GET /me."""
    shown: JsonObject = {
        "account_id": shop.id,
        "status": "enabled",
        "test": shop.test,
        "payment_methods": list(METHODS),
        "fiscalization_enabled": shop.receipts_required,
    }
    if shop.receipts_required:
        shown["fiscalization"] = {"enabled": True, "provider": "yoo_receipt"}
    return shown
