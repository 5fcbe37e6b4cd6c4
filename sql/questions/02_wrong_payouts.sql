-- Which payouts are wrong?
-- Sales whose payout is not price less the fees that it names (two cents are left for
-- conversion), which are complete without a payout, or whose transaction fee is over the first
-- level's, the dearest.
-- Leaves out: why a fee was charged. What is over one's own level and under the first level's is
-- not found: the marts hold neither the level of a day nor the reason for a gap. The schedule is
-- StockX's; the fees of eBay and Alias are taken as they are.
with

priced as (
    select
        platform,
        order_number,
        order_line,
        sold_on,
        status,
        amount,
        currency_code,
        fee_source,
        (platform_specific_data ->> 'payout_total')::numeric as stated_payout,
        round((net_payout_eur - penalty_eur) * fx_units_per_eur, 2) as expected_payout,
        round(transaction_fee_eur * fx_units_per_eur, 2) as transaction_fee
    from sales."order"
    where is_sale and fx_units_per_eur is not null
),

judged as (
    select
        priced.*,
        case
            when schedule.platform is not null
                then greatest(
                    round(priced.amount * schedule.transaction_fee_rate, 2), schedule.minimum_fee
                )
        end as dearest_fee,
        priced.stated_payout - priced.expected_payout as payout_gap
    from priced
    left join platform.fee_schedule as schedule
        on
            priced.platform = schedule.platform
            and priced.currency_code = schedule.currency_code
            and schedule.seller_level = 1
            and schedule.category = 'any'
            and priced.sold_on >= schedule.valid_from
            and priced.sold_on <= coalesce(schedule.valid_to, 'infinity'::date)
)

select
    sold_on,
    platform,
    order_number,
    order_line,
    case
        when fee_source <> 'charged' then 'complete, and no payout is stated'
        when abs(payout_gap) > 0.02 then 'payout differs from price and named fees'
        else 'transaction fee above the first level'
    end as what,
    currency_code,
    amount,
    expected_payout,
    stated_payout,
    case
        when abs(payout_gap) > 0.02 then payout_gap
        when fee_source = 'charged' then dearest_fee - transaction_fee
    end as difference
from judged
where
    (status = 'completed' and fee_source <> 'charged')
    or (
        fee_source = 'charged'
        and (abs(payout_gap) > 0.02 or transaction_fee - dearest_fee > 0.02)
    )
order by sold_on desc, platform, order_number, order_line;
