-- Which payouts are wrong?
-- Payouts that are not what the price and the fee schedule of that day let expect, each with the
-- reason of the largest part of its gap: first what nobody explains or what never came, the 200
-- oldest, then the 200 newest of what has a reason. Amounts are in the order's currency.
-- Leaves out: gaps of two cents and less. Of eBay no schedule is known, so its payouts are compared
-- with the fees that it names; what only a report tells, without a payout, is not judged.
with

open_gaps as (
    select *
    from financial.payout_reconciliation
    where reconciliation_state in ('missing', 'unexplained')
    order by open_days desc, sold_on desc, platform, order_number, order_line
    limit 200
),

explained_gaps as (
    select *
    from financial.payout_reconciliation
    where reconciliation_state = 'explained' and abs(payout_gap) > 0.02
    order by sold_on desc, platform, order_number, order_line
    limit 200
),

gaps as (
    select * from open_gaps
    union all
    select * from explained_gaps
)

select
    sold_on,
    platform,
    order_number,
    order_line,
    reconciliation_state as state,
    gap_reason as reason,
    currency_code,
    expected_payout,
    stated_payout,
    payout_gap,
    open_days
from gaps
order by is_open desc, open_days desc, sold_on desc, platform, order_number, order_line;
