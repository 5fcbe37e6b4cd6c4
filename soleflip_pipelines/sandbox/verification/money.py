"""The ledger of bookings, made anew of the truth's orders, purchases and units.

Where a sale's payout was not shown, its fees and profit are expected ones and only the rest is
compared.
"""

from __future__ import annotations

from soleflip_pipelines.sandbox.verification.comparison import Comparison

# Every booking. What the marketplace has not said is expected, and so are its claim and payout.
_FEE_LINES = "\nunion all\n".join(
    f"select 'profit', '{kind}', platform, line_name, sold_on, minus('0', {column}) from named "
    f"where is_seen and is_sale and {column} + 0 <> 0"
    for kind, column in (
        ("transaction fee", "transaction_fee"),
        ("processing fee", "processing_fee"),
        ("shipping fee", "shipping_fee"),
        ("other fee", "plus(other_fee, refund)"),
    )
)
BOOKINGS = f"""
with named as (
    select *, order_number || ' ' || order_line as line_name,
           iif(is_sale, minus(net_payout, penalty), minus('0', penalty)) as claim,
           iif(is_told and paid_in = '' and stated is not null
               and status in ('completed', 'not_shipped'),
               in_euros(stated, currency, ended_on), null) as received
    from payouts
),
bought as (
    select *, iif(vat_scheme = 'standard',
                  divided(times(gross, vat_rate), plus('1', vat_rate)), '0.00') as input_vat
    from lines
),
booked (statement, kind, platform, reference, booked_on, amount) as (
    select 'profit', 'sale', platform, line_name, sold_on, gross from named where is_sale
    union all
    {_FEE_LINES}
    union all
    select 'profit', 'refund', platform, line_name, sold_on, refund
    from named where is_seen and is_sale and refund + 0 <> 0
    union all
    select 'profit', 'penalty', platform, line_name, ended_on, minus('0', penalty)
    from named where penalty + 0 <> 0
    union all
    select 'settlement', 'claim', platform, line_name, sold_on, claim
    from named where is_told and claim + 0 <> 0
    union all
    select 'settlement', 'payout', platform, line_name, ended_on, minus('0', received)
    from named where received + 0 <> 0
    union all
    select 'settlement', 'fx effect', platform, line_name, ended_on, minus(received, claim)
    from named where received is not null and minus(received, claim) + 0 <> 0
    union all
    select 'purchasing', 'goods', '', line_key, purchased_on, cost from bought where cost + 0 <> 0
    union all
    select 'purchasing', 'input vat', '', line_key, purchased_on, input_vat
    from bought where input_vat + 0 <> 0
    union all
    select 'purchasing', 'cashback', '', line_key, purchased_on,
           minus(minus(gross, input_vat), cost)
    from bought where minus(minus(gross, input_vat), cost) + 0 <> 0
    union all
    select 'purchasing', 'payment', '', line_key, purchased_on, minus('0', gross)
    from bought where gross + 0 <> 0
    union all
    select 'profit', 'vat', platform, line_name, sold_on, minus('0', vat_due)
    from named where is_sale and vat_due <> '0.00'
    union all
    select 'profit', 'outbound shipping', platform, line_name, sold_on, minus('0', outbound_cost)
    from named where is_sale and outbound_cost + 0 <> 0
    union all
    select 'profit', 'cost of goods', platform, line_name, sold_on, minus('0', cost)
    from named where is_sale and cost is not null
    union all
    select 'stock', 'issue', platform, line_name, sold_on, minus('0', cost)
    from named where is_sale and cost is not null
    union all
    select 'stock', 'purchase', '', line_key, purchased_on, cost from lines where cost <> '0.00'
    union all
    select statement, kind, '', line_key, lost_on, minus('0', euros(cost))
    from units, (select 'profit' as statement, 'loss' as kind union all select 'stock', 'write-off')
    where lost_on is not null
    group by statement, kind, line_key, lost_on
)
select * from booked order by statement, kind, platform, reference
"""
_MART_BOOKINGS = """
select t.statement, t.kind, coalesce(t.platform, '') as platform,
       coalesce(t.reference || ' ' || o.order_line, t.reference) as reference, t.booked_on,
       t.amount_eur as amount
from financial.transaction t
left join sales."order" o on o.id = t.order_id
where t.kind not in ('transaction fee', 'processing fee', 'shipping fee', 'other fee', 'refund',
                     'claim', 'payout', 'fx effect')
   or o.fee_source is distinct from 'expected'
order by t.statement collate "C", t.kind collate "C", 3,
         coalesce(t.reference || ' ' || o.order_line, t.reference) collate "C"
"""
# What the stock's lines add up to is what is left on the shelves; what was lost is no profit.
_LEDGER_SUMS = """
select 'profit' as statement,
       iif(max(not is_seen and cost is not null), '?', minus(coalesce(euros(net_profit), '0'),
           coalesce((select euros(cost) from units where lost_on is not null), '0'))) as amount
from orders
union all
select 'purchasing', '0'
union all
select 'stock', coalesce(euros(iif(is_owned, cost, null)), '0') from units
order by 1
"""
_MART_LEDGER_SUMS = """
select s.statement, coalesce(sum(t.amount_eur), 0) as amount
from (values ('profit'), ('purchasing'), ('stock')) s (statement)
left join financial.transaction t on t.statement = s.statement
    and (s.statement <> 'profit' or coalesce(t.profit_state, '') not in ('no_cost', 'no_fees'))
group by s.statement
order by s.statement
"""
COMPARISONS = (
    Comparison(
        "financial.transaction",
        ("statement", "kind", "platform", "reference"),
        BOOKINGS,
        _MART_BOOKINGS,
    ),
    Comparison(
        "financial.transaction", ("statement",), _LEDGER_SUMS, _MART_LEDGER_SUMS, about="(sums)"
    ),
)
