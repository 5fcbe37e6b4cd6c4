-- Pages of documents that were stored before, so that reading one again costs its hash alone.
set local role soleflip_owner;

create table integration.known_page (
    asset text not null,
    place text not null,
    page_sha256 text not null,
    rows_sha256 text not null,
    primary key (asset, place)
);
comment on table integration.known_page is
'One row per place of a partner''s list: what stood there last, and the hashes of the rows it made.';

grant select, insert, update on table integration.known_page to soleflip_loader;
grant select on table integration.known_page to soleflip_transformer;
grant select on table integration.known_page to soleflip_reader;
