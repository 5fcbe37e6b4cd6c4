-- Products by class: what earns, and how evenly it sells.
select
    abc_class,
    xyz_class,
    demand_class,
    count(*) as product_count,
    sum(unit_count) as unit_count,
    sum(gross_sale_eur) as gross_sale_eur
from analytics.demand_class
group by abc_class, xyz_class, demand_class
order by abc_class, gross_sale_eur desc;
