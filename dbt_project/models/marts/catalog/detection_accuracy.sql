with

accuracies as (
    select * from {{ source('enrichment', 'catalog_accuracy') }}
),

final as (
    select
        kind,
        row_count,
        answered_count,
        coverage,
        accuracy,
        macro_accuracy,
        recall,
        rule_version,
        measured_at,
        {{ build_id() }} as build_id
    from accuracies
)

select * from final
