-- How far is it to the next level?
-- Each level of StockX with its rate, how many sales or how much volume a quarter it takes, and
-- what is to go in this quarter; the last full quarter stands beside it. is_charged_now: the level
-- that most of the newest sales name. The steps are StockX's help page of July 2023.
-- Leaves out: the volume counts in dollars and stands here in euros; StockX tells neither level
-- nor steps by its API, so both are read from what it charges and what it once wrote.
select
    seller_level,
    transaction_fee_rate,
    is_charged_now,
    sales_needed,
    this_quarter_count,
    sales_to_go,
    last_quarter_count,
    volume_needed,
    this_quarter_eur,
    volume_to_go,
    days_left
from platform.seller_level_progress
order by platform, seller_level;
