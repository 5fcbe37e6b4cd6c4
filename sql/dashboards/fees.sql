-- What each kind of fee took in the last twelve months, and its share of the sales.
select
    kpi.month,
    fee.kind,
    fee.amount_eur,
    round(fee.amount_eur / nullif(kpi.gross_sale_eur, 0), 4) as share_of_sales
from analytics.kpi_monthly as kpi
cross join lateral (
    values
    ('transaction', kpi.transaction_fee_eur),
    ('processing', kpi.processing_fee_eur),
    ('shipping', kpi.shipping_fee_eur),
    ('other', kpi.other_fee_eur),
    ('penalty', kpi.penalty_eur)
) as fee (kind, amount_eur)
where kpi.month > (select max(summary.sold_on) - 365 from analytics.sales_summary_daily as summary)
order by kpi.month desc, fee.kind;
