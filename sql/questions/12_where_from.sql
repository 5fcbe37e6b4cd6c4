-- Where does this number come from?
-- The ten newest sales: by which doors each came in, the batch and file or call of its first
-- door, and the purchase line and file of the unit that it took.
-- Leaves out: the steps in between, which `soleflip explain order NUMBER` tells.
select
    orders.sold_on,
    orders.platform,
    orders.order_number,
    orders.net_profit,
    orders.profit_state,
    array_to_string(orders.sources, '+') as doors,
    batch.asset as first_door,
    coalesce(batch.file_name, batch.source) as read_from,
    orders.batch_id,
    stock.line_key as purchase_line,
    purchase_batch.file_name as purchase_file,
    orders.cost_match_method
from sales."order" as orders
left join integration.import_batches as batch on orders.batch_id = batch.batch_id
left join inventory.stock as stock on orders.inventory_item_id = stock.id
left join integration.import_batches as purchase_batch
    on stock.batch_id = purchase_batch.batch_id
where orders.is_sale
order by orders.sold_on desc, orders.ordered_at desc, orders.id
limit 10;
