{#- A line of a file is taken apart once for all who read it. -#}
{{ config(indexes=[{'columns': ['line_key'], 'unique': true}]) }}

select * from {{ ref('stg_csv__purchases') }}
