-- Own listings whose ask or status changed last, with the change of the ask.
with

newest as (
    select
        platform,
        listing_id,
        seen_at
    from operations.listing_history
    order by seen_at desc, platform, listing_id
    limit 50
)

select
    newest.platform,
    newest.listing_id,
    newest.seen_at,
    states.status,
    states.ask_price,
    states.ask_change,
    states.currency_code
from newest
-- Only the past of these listings is looked through.
cross join lateral (
    select *
    from operations.listing_history as history
    where
        newest.platform = history.platform
        and newest.listing_id = history.listing_id
        and newest.seen_at = history.seen_at
    order by history.seen_at
    limit 1
) as states
order by newest.seen_at desc, newest.platform, newest.listing_id;
