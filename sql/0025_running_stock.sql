-- Called once for each receipt and sale: as a function of SQL it takes three times as long.
set local role soleflip_owner;

create or replace function enrichment.stock_after(stock bigint, change bigint) returns bigint
language plpgsql immutable parallel safe
as $$
begin
    return case when stock + change < 0 then stock else stock + change end;
end $$;
