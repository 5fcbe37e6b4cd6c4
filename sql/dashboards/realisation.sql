-- What was got against the lowest ask before each sale, by month and channel.
select
    month,
    platform,
    sale_count,
    compared_sale_count,
    price_realisation
from analytics.price_realisation
order by month desc, platform
limit 60;
