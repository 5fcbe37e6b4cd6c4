"""What a person should look at: which labels are too unsure, and the queue of them.

The queue is `enrichment.product_label` itself, whose rows say why they wait. What the owner then
decides is written by `decisions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import psycopg

from soleflip_pipelines.catalog.brand import FLOOR
from soleflip_pipelines.catalog.fallback import RULE as CLASSIFIER
from soleflip_pipelines.catalog.labeller import ProductLabel
from soleflip_pipelines.catalog.rules import Rules
from soleflip_pipelines.catalog.text import is_blank, normalise

Reason = Literal["new brand", "unsure brand", "no brand", "no category"]
UNKNOWN_FIELD = "hint:unknown"
_QUEUE = """
with waiting as (
    select
        platform, partner_product_id, title, brand, proposed_brand, category, review_reason,
        row_number() over (
            partition by review_reason, proposed_brand
            order by title collate "C", platform, partner_product_id
        ) as place
    from enrichment.product_label
    where
        review_reason is not null
        and (%(reason)s::text is null or review_reason = %(reason)s)
)
select
    review_reason, proposed_brand, count(*),
    array_agg(distinct platform),
    jsonb_agg(jsonb_build_object(
        'platform', platform, 'product_id', partner_product_id, 'title', title,
        'brand', brand, 'category', category
    ) order by place) filter (where place <= %(shown)s)
from waiting
group by review_reason, proposed_brand
order by
    array_position(array['new brand', 'unsure brand', 'no brand', 'no category'], review_reason),
    count(*) desc, proposed_brand collate "C"
"""


@dataclass(frozen=True, slots=True)
class Group:
    """Products that wait for the same reason and may be of the same brand (None: no idea)."""

    reason: Reason
    proposed_brand: str | None
    count: int
    platforms: list[str]
    examples: list[dict[str, str | None]]

    def as_json(self) -> dict[str, Any]:
        """The group for a script."""
        return asdict(self)


class Reviewer:
    """Says of a label whether a person should look at it, by one set of rules."""

    def __init__(self, rules: Rules) -> None:
        """Know the brand of every rule, for answers that were held back as too unsure."""
        self._brand_of: Mapping[str, str] = {rule.name: rule.brand for rule in rules.brand_rules}

    def judge(
        self, label: ProductLabel, own_brand: str | None, own_category: str | None
    ) -> tuple[str | None, Reason | None]:
        """The proposed brand and the reason to look; two None where the label is sure enough.

        Args:
            label: what the rules found.
            own_brand: the owner's brand of this product, if decided.
            own_category: likewise.
        """
        if is_blank(own_brand):
            brand = label.brand
            if brand.rule == UNKNOWN_FIELD:
                return brand.brand, "new brand"
            is_guess = brand.rule == CLASSIFIER
            if brand.brand is None or brand.confidence < FLOOR or is_guess:
                proposed = brand.brand or self._brand_of.get(brand.rule or "")
                return proposed, "unsure brand" if brand.rule else "no brand"
        category = label.category
        is_unsure = category.category is None or category.confidence < FLOOR
        is_unsure = is_unsure or category.rule == CLASSIFIER
        return None, "no category" if is_blank(own_category) and is_unsure else None


def review_groups(
    conn: psycopg.Connection, *, reason: str | None = None, shown: int = 3
) -> list[Group]:
    """The queue grouped by reason and proposed brand, the largest groups first.

    Args:
        conn: any role that reads `enrichment`.
        reason: only this one.
        shown: example products a group.
    """
    groups: dict[tuple[Reason, str], Group] = {}
    for row in conn.execute(_QUEUE, {"reason": reason, "shown": shown}):
        group = Group(*row)
        key = group.reason, normalise(group.proposed_brand or "")
        known = groups.get(key)
        if known is not None:  # the same name in another spelling
            group = Group(
                known.reason,
                known.proposed_brand,
                known.count + group.count,
                sorted({*known.platforms, *group.platforms}),
                [*known.examples, *group.examples][:shown],
            )
        groups[key] = group
    return list(groups.values())
