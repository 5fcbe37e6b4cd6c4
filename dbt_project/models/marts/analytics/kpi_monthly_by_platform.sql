-- depends_on: {{ ref('order') }}
{{ monthly_kpis(by_platform=true) }}
