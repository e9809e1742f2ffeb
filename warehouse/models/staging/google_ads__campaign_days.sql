-- One row per Google Ads campaign and day, as Google states it now.
-- key: campaign_day_id
select
    campaign_id || ':' || cast(date as varchar) as campaign_day_id,
    campaign_id,
    campaign_name,
    campaign_status,
    date as spent_on,
    cast(cost_micros / 1000000 as decimal(18, 2)) as cost,
    currency_code as currency,
    clicks,
    impressions,
    conversions, -- Google shares one out over several clicks: not a whole number
from google_ads.campaign_days
