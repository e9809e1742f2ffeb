-- One row per paying customer whom sales has not entered by hand: an upsert goes by our external id,
-- which their records lack, so it would give sales a second record of the same person. The records
-- that we made bear the lead source 'Product' and stay in the sync.
-- to: salesforce.contacts
-- key: Profile_Id__c
-- mode: upsert
-- cron: 20 * * * *
-- owner: team:sales-ops
select
    profiles.profile_id as Profile_Id__c,
    coalesce(
        profiles.last_name, profiles.full_name, split_part(profiles.email, '@', 1)
    ) as LastName,
    profiles.first_name as FirstName,
    profiles.email as Email,
    profiles.phone as Phone,
    'Product' as LeadSource,
    profiles.plan_name as Plan__c,
    profiles.lifetime_value as Lifetime_Value__c,
    profiles.lifetime_value_currency as Lifetime_Value_Currency__c,
    profiles.last_event_at as Last_Seen__c,
    case when at_risk.profile_id is not null then 'high' else 'low' end as Churn_Risk__c
from profiles.profiles
left join audiences.at_risk using (profile_id)
where
    profiles.lifetime_value > 0
    and profiles.email is not null
    and not coalesce(profiles.is_entered_by_sales, false)
