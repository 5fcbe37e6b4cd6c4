-- What do I owe in VAT?
-- By quarter of the last two years: due on sales by regime, less what stands in purchases with
-- VAT that can be deducted. The assumptions are those of docs/money.md; this is no tax advice.
-- Leaves out: VAT on fees and shipping (reverse charge nets to nothing), in which country a
-- supplier's VAT is to be claimed, and sales whose unit, and so whose regime, is not known: their
-- number stands beside it.
select
    date_trunc('quarter', month)::date as quarter,
    coalesce(sum(vat_eur) filter (where direction = 'output' and vat_regime = 'standard'), 0)
        as standard_due_eur,
    coalesce(sum(vat_eur) filter (where direction = 'output' and vat_regime <> 'standard'), 0)
        as margin_due_eur,
    coalesce(sum(vat_eur) filter (where direction = 'input'), 0) as input_vat_eur,
    sum(case when direction = 'output' then vat_eur else -vat_eur end) as owed_eur,
    coalesce(sum(unknown_count) filter (where direction = 'output'), 0)
        as sales_with_unknown_vat_count
from financial.vat_summary
where
    month >= (
        select date_trunc('quarter', max(sold_on)) - interval '21 months'
        from analytics.sales_summary_daily
    )
group by date_trunc('quarter', month)
order by quarter desc;
