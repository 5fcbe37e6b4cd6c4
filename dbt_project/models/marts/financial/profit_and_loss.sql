with

transactions as (
    select * from {{ ref('transaction') }}
),

lines (line_no, line, kinds, is_total) as (
    values
    (10, 'gross sales', array['sale'], false),
    (20, 'refunds', array['refund'], false),
    (30, 'vat on sales', array['vat'], false),
    (40, 'net revenue', array['sale', 'refund', 'vat'], true),
    (50, 'transaction fees', array['transaction fee'], false),
    (60, 'processing fees', array['processing fee'], false),
    (70, 'shipping fees', array['shipping fee'], false),
    (80, 'other fees', array['other fee'], false),
    (90, 'penalties', array['penalty'], false),
    (100, 'outbound shipping', array['outbound shipping'], false),
    (110, 'cost of goods', array['cost of goods'], false),
    (115, 'lost stock', array['loss'], false),
    (
        120, 'net profit', array[
            'sale', 'refund', 'vat', 'transaction fee', 'processing fee', 'shipping fee',
            'other fee', 'penalty', 'outbound shipping', 'cost of goods', 'loss'
        ], true
    ),
    (130, 'fx effect', array['fx effect'], false)
),

monthly as (
    select
        date_trunc('month', booked_on)::date as month,
        kind,
        sum(amount_eur) as amount_eur,
        sum(amount_eur) filter (
            where coalesce(profit_state, 'known') not in ('no_cost', 'no_fees', 'no_rate')
        ) as known_amount_eur
    from transactions
    where statement = 'profit' or kind = 'fx effect'
    group by date_trunc('month', booked_on), kind
),

-- A month in which nothing happened stands there with zeros.
months as (
    select generate_series(min(month), max(month), interval '1 month')::date as month
    from monthly
),

final as (
    select
        months.month,
        lines.line_no,
        lines.line,
        lines.is_total,
        coalesce(sum(monthly.amount_eur), 0)::numeric(14, 2) as amount_eur,
        coalesce(sum(monthly.known_amount_eur), 0)::numeric(14, 2) as known_amount_eur,
        {{ build_id() }} as build_id
    from months
    cross join lines
    left join monthly on months.month = monthly.month and monthly.kind = any(lines.kinds)
    group by months.month, lines.line_no, lines.line, lines.is_total
)

select * from final
