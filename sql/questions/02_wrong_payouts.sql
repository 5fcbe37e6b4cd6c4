-- Which payouts are wrong?
-- Payouts that are not what the price and the fee schedule of that day let expect, each with the
-- reason of the largest part of its gap: first what nobody explains or what never came, the oldest
-- first, then the newest 200 of what has a reason. A payout of several orders that is not their sum
-- stands under its own id. Amounts are in the order's currency.
-- Leaves out: gaps of two cents and less. Of eBay no schedule is known, so its payouts are compared
-- with the fees that it names; what only a report tells, without a payout, is not judged.
with

judged as (
    select *
    from financial.payout_reconciliation
    where reconciliation_state in ('missing', 'unexplained')
    union all
    (
        select *
        from financial.payout_reconciliation
        where reconciliation_state = 'explained' and abs(payout_gap) > 0.02
        order by sold_on desc, platform, order_number, order_line
        limit 200
    )
),

gaps as (
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
        open_days,
        is_open
    from judged
    union all
    select
        paid_on as sold_on,
        platform,
        payout_ref as order_number,
        null as order_line,
        'unexplained' as state,
        'not the sum of its orders' as reason,
        currency_code,
        orders_total as expected_payout,
        payout_total as stated_payout,
        payout_gap,
        (select max(sold_on) from analytics.sales_summary_daily) - paid_on as open_days,
        true as is_open
    from financial.payout
    where abs(payout_gap) > 0.02
)

select
    sold_on,
    platform,
    order_number,
    order_line,
    state,
    reason,
    currency_code,
    expected_payout,
    stated_payout,
    payout_gap,
    open_days
from gaps
order by is_open desc, open_days desc, sold_on desc, platform, order_number, order_line;
