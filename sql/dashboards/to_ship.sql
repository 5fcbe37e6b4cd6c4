-- What has to be shipped, the most urgent first, and where it lies.
select
    ship_by_at,
    platform,
    order_number,
    product_name,
    style_id,
    quantity,
    location
from operations.open_shipment
order by ship_by_at nulls last, ordered_at, order_id
limit 50;
