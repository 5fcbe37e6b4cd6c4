-- Own listings whose ask or status changed last, with the change of the ask.
select
    platform,
    listing_id,
    seen_at,
    status,
    ask_price,
    ask_change,
    currency_code
from operations.listing_history
order by seen_at desc, platform, listing_id
limit 50;
