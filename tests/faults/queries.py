"""What must hold in the hub's database, as SQL that runs on SQLite and PostgreSQL: each query must find nothing."""

from __future__ import annotations

HOLDING = "('new', 'approval', 'assembling')"
"""Groups of stages in which an order keeps goods reserved."""

ALWAYS = {
    "inbound twice": "SELECT external_id FROM message WHERE author = 'buyer' GROUP BY account_id, external_id"
    " HAVING COUNT(*) > 1",
    "stock out of bounds": "SELECT variant_id FROM stock WHERE reserved < 0 OR reserved > on_hand",
    "stock not its journal": "SELECT s.variant_id FROM stock s WHERE s.on_hand <> (SELECT COALESCE(SUM(m.quantity), 0)"
    " FROM stock_move m WHERE m.variant_id = s.variant_id AND m.warehouse_id = s.warehouse_id)",
    "reserved not its promises": "SELECT s.variant_id FROM stock s WHERE s.reserved <> (SELECT"
    " COALESCE(SUM(r.quantity), 0) FROM reservation r WHERE r.variant_id = s.variant_id"
    " AND r.warehouse_id = s.warehouse_id)",
    "promises not the open orders": 'SELECT l.order_id, l.variant_id FROM order_line l JOIN "order" o'
    ' ON o.id = l.order_id JOIN stage g ON g.id = o.stage_id GROUP BY l.order_id, l.variant_id, g."group"'
    f' HAVING CASE WHEN g."group" IN {HOLDING} THEN SUM(l.quantity) ELSE 0 END <> (SELECT'
    " COALESCE(SUM(r.quantity), 0) FROM reservation r"
    " WHERE r.owner = 'order:' || l.order_id AND r.variant_id = l.variant_id)",
    "shipped not written off": 'SELECT l.order_id, l.variant_id FROM order_line l JOIN "order" o'
    " ON o.id = l.order_id JOIN stage g ON g.id = o.stage_id WHERE g.\"group\" IN ('delivery', 'complete')"
    " GROUP BY l.order_id, l.variant_id HAVING SUM(l.quantity) <> (SELECT COALESCE(-SUM(m.quantity), 0)"
    " FROM stock_move m WHERE m.subject = 'order:' || l.order_id AND m.variant_id = l.variant_id)",
    "money effect twice": "SELECT payment_id FROM ledger_entry GROUP BY payment_id, effect, effect_id"
    " HAVING COUNT(*) > 1",
    "order not its ledger": 'SELECT o.id FROM "order" o WHERE o.paid <> (SELECT COALESCE(SUM(e.amount), 0)'
    " FROM ledger_entry e JOIN payment p ON p.id = e.payment_id WHERE p.order_id = o.id) AND o.flag = ''",
    "shipped unpaid": "SELECT o.id FROM \"order\" o JOIN stage g ON g.id = o.stage_id WHERE o.payment_method = 'online'"
    " AND (g.code = 'paid' OR g.\"group\" IN ('assembling', 'delivery', 'complete'))"
    " AND o.flag = '' AND o.total > (SELECT COALESCE(SUM(e.amount), 0) FROM ledger_entry e"
    " JOIN payment p ON p.id = e.payment_id WHERE p.order_id = o.id AND e.effect = 'capture')",
    "history with gaps": "SELECT order_id FROM stage_move GROUP BY order_id HAVING MIN(seq) <> 1"
    " OR MAX(seq) <> COUNT(*)",
    "history no chain": "SELECT h.order_id FROM stage_move h JOIN stage_move p ON p.order_id = h.order_id"
    " AND p.seq = h.seq - 1 WHERE h.from_stage_id <> p.to_stage_id",
    "stage not its history": 'SELECT o.id FROM "order" o WHERE o.stage_id <> (SELECT h.to_stage_id FROM stage_move h'
    " WHERE h.order_id = o.id ORDER BY h.seq DESC LIMIT 1)",
    "move without its event": "SELECT h.order_id FROM stage_move h WHERE h.seq > 1 AND (SELECT COUNT(*) FROM event e"
    " WHERE e.kind = 'stage_moved' AND e.subject = 'order:' || h.order_id) <> (SELECT COUNT(*) - 1 FROM stage_move a"
    " WHERE a.order_id = h.order_id)",
    "order made twice": 'SELECT dedup_key FROM "order" WHERE dedup_key IS NOT NULL GROUP BY shop_id, dedup_key'
    " HAVING COUNT(*) > 1",
    "sums wrong": 'SELECT o.id FROM "order" o WHERE o.goods <> (SELECT SUM(l.price * l.quantity) FROM order_line l'
    " WHERE l.order_id = o.id) OR o.total <> o.goods - o.discount + o.delivery_price",
    "chats doubled": "SELECT chat FROM conversation GROUP BY account_id, chat HAVING COUNT(*) > 1",
    "two live payments of an order": "SELECT order_id FROM payment WHERE state IN ('new', 'pending', 'authorised')"
    " GROUP BY order_id HAVING COUNT(*) > 1",
    "given back more than came": "SELECT id FROM payment WHERE refunded_amount > paid_amount",
    # Nobody uses YooKassa's own cabinet here: a refund that is taken for one of its kind was given by mistake.
    "refunds that nobody asked for": "SELECT id FROM refund WHERE reason = 'made_at_provider'",
    "refund of a doubled key": "SELECT payment_id FROM refund WHERE provider_id IS NOT NULL"
    " GROUP BY payment_id, provider_id HAVING COUNT(*) > 1",
    "refunds not their payment": "SELECT p.id FROM payment p WHERE p.refunded_amount <> (SELECT"
    " COALESCE(SUM(r.amount), 0) FROM refund r WHERE r.payment_id = p.id AND r.state = 'succeeded')",
    "oversold": 'SELECT l.variant_id FROM order_line l JOIN "order" o ON o.id = l.order_id JOIN stage g'
    " ON g.id = o.stage_id WHERE g.\"group\" IN ('delivery', 'complete') GROUP BY l.variant_id HAVING"
    " SUM(l.quantity) > (SELECT COALESCE(SUM(m.quantity), 0) FROM stock_move m"
    " WHERE m.variant_id = l.variant_id AND m.quantity > 0)",
    "late money not asked about": 'SELECT p.id FROM payment p JOIN "order" o ON o.id = p.order_id JOIN stage g'
    " ON g.id = o.stage_id WHERE g.\"group\" = 'cancelled' AND p.paid_amount > p.refunded_amount AND NOT EXISTS"
    " (SELECT 1 FROM money_question q WHERE q.payment_id = p.id)",
}
"""What holds in every snapshot, also while trade goes on and hubs die."""

AT_REST = {
    "dead jobs": "SELECT id FROM job WHERE state = 'dead'",
    "jobs left over": "SELECT id FROM job WHERE state = 'ready' AND run_at <= :now",
    "messages stuck": "SELECT id FROM message WHERE delivery IN ('queued', 'sending')",
    "messages failed": "SELECT id FROM message WHERE delivery = 'failed'",
    "lanes still held": "SELECT lane FROM lane WHERE lease_until > 0",
    "refunds never made": "SELECT id FROM refund WHERE state IN ('new', 'pending')",
}
"""What holds besides when everything has come to rest and the hub has ended in order."""

WHOLE_STORIES = (
    'SELECT a.channel, COUNT(*) FROM "order" o JOIN channel_account a ON a.id = o.account_id'
    " JOIN stage g ON g.id = o.stage_id WHERE g.\"group\" IN ('delivery', 'complete') AND EXISTS (SELECT 1"
    " FROM payment p JOIN refund r ON r.payment_id = p.id WHERE p.order_id = o.id AND r.state = 'succeeded'"
    " AND p.refunded_amount = p.paid_amount) GROUP BY a.channel"
)
"""How many orders of each channel were paid, shipped, and their money given back to the last kopeck."""
