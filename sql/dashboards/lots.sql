-- Purchase lots of which something is left, the oldest first.
select
    supplier_name,
    line_key,
    product_name,
    size_raw,
    available_on,
    location,
    quantity,
    sold_count,
    remaining_count,
    unit_cost_eur,
    remaining_cost_eur
from inventory.lot
where remaining_count > 0
order by available_on, line_key
limit 100;
