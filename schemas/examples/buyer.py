"""Buys, waits until that is stored, and reads the list, by a client that was generated from /openapi.json.

openapi-python-client generate --url ADDRESS/openapi.json --meta none --output-path shop_client
python buyer.py http://localhost:8080/scalable-shop-cm-server ada
"""

from __future__ import annotations

import sys

from shop_client import Client
from shop_client.api.purchases import create_purchase, get_user_purchases
from shop_client.api.receipts import get_receipt
from shop_client.models import BuyRequest, PurchaseAnswer, PurchasesByUserid, ReceiptState


def main(address: str, user: str) -> None:
    with Client(base_url=address) as client:
        bought = create_purchase.sync(client=client, body=BuyRequest(username=user, userid=user, price="12.50"))
        if not isinstance(bought, PurchaseAnswer):
            raise SystemExit(f"not bought: {bought}")  # a Problem, which names the fields at fault
        fate = get_receipt.sync(bought.receipt, client=client, wait=10)
        if not isinstance(fate, ReceiptState):
            raise SystemExit(f"not known: {fate}")
        sys.stdout.write(f"{fate.state.value}\n")
        listed = get_user_purchases.sync(user, client=client, after=bought.receipt)
        if not isinstance(listed, PurchasesByUserid):
            raise SystemExit(f"not listed: {listed}")
        for purchase in listed.purchases:
            sys.stdout.write(f"{purchase.field_id}\t{purchase.price}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
