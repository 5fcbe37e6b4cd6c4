with

source as (
    select * from {{ source('raw_awin', 'feeds') }}
),

renamed as (
    select
        feed_id,
        payload ->> 'Advertiser ID' as advertiser_id,
        payload ->> 'Advertiser Name' as advertiser_name,
        payload ->> 'Feed Name' as feed_name,
        payload ->> 'Language' as language,
        payload ->> 'Primary Region' as region,
        payload ->> 'Membership Status' as membership_status,
        {{ to_integer("replace(payload ->> 'No of products', ',', '')") }} as product_count,
        {{ to_timestamp_utc("payload ->> 'Last Imported'") }} as last_imported_at
    from source
)

select * from renamed
