-- What do I owe in VAT?
-- By quarter of the last two years: due on sales by regime, less what stands in purchases with
-- VAT that can be deducted. The assumptions are those of docs/metrics.md; this is no tax advice.
-- Leaves out: VAT on fees and shipping (reverse charge nets to nothing), in which country a
-- supplier's VAT is to be claimed, and sales whose unit, and so whose regime, is not known: their
-- number stands beside it.
with

quarters as (
    select quarter_start::date as quarter
    from generate_series(
        (
            select date_trunc('quarter', max(sold_on)) - interval '21 months'
            from analytics.sales_summary_daily
        ),
        (select date_trunc('quarter', max(sold_on)) from analytics.sales_summary_daily),
        interval '3 months'
    ) as calendar (quarter_start)
),

due as (
    select
        date_trunc('quarter', sold_on)::date as quarter,
        sum(vat_due_eur) filter (where vat_regime = 'standard') as standard_due_eur,
        sum(vat_due_eur) filter (where vat_regime = 'margin') as margin_due_eur,
        sum(vat_due_eur) as vat_due_eur,
        count(*) filter (where vat_due_eur is null) as unknown_count
    from sales."order"
    where is_sale
    group by date_trunc('quarter', sold_on)
),

deductible as (
    select
        date_trunc('quarter', purchased_on)::date as quarter,
        sum(round(line_gross_eur * vat_rate / (1 + vat_rate), 2)) as input_vat_eur
    from supplier.purchase_item
    where vat_scheme = 'standard'
    group by date_trunc('quarter', purchased_on)
)

select
    quarters.quarter,
    coalesce(due.standard_due_eur, 0) as standard_due_eur,
    coalesce(due.margin_due_eur, 0) as margin_due_eur,
    coalesce(deductible.input_vat_eur, 0) as input_vat_eur,
    coalesce(due.vat_due_eur, 0) - coalesce(deductible.input_vat_eur, 0) as owed_eur,
    coalesce(due.unknown_count, 0) as sales_with_unknown_vat_count
from quarters
left join due on quarters.quarter = due.quarter
left join deductible on quarters.quarter = deductible.quarter
order by quarters.quarter desc;
