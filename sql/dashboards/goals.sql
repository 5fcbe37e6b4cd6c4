-- The goals of the business: value today, target, and the change of 30 days.
select
    goal,
    aim,
    target,
    value_today,
    trend,
    is_met,
    evidence_count,
    definition
from analytics.scoreboard
order by place;
