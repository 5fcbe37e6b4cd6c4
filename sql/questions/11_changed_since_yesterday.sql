-- What changed since yesterday?
-- What the batches of the last 24 hours before the newest one brought into each table: new rows,
-- changed rows, refused rows.
-- Leaves out: what a changed row was before; only market prices and offers keep their past.
select
    asset,
    count(*) as batch_count,
    sum(rows_inserted) as new_count,
    sum(rows_updated) as changed_count,
    sum(rows_rejected) as rejected_count,
    sum(rows_unchanged + rows_duplicate) as unchanged_count,
    max(finished_at) as last_read_at
from integration.import_batches
where
    finished_at > (select max(newest.finished_at) from integration.import_batches as newest)
    - interval '24 hours'
group by asset
order by sum(rows_inserted + rows_updated) desc, asset;
