-- One row per person who works a lot on boards, as Mixpanel saw it, pays nothing yet, and is not
-- with sales: the leads that the product itself brings. Who leaves this list stays a lead there,
-- since sales may be talking to them.
-- to: salesforce.leads
-- key: Profile_Id__c
-- mode: upsert
-- cron: 35 * * * *
-- owner: team:sales-ops
select
    profiles.profile_id as Profile_Id__c,
    coalesce(
        profiles.last_name, profiles.full_name, split_part(profiles.email, '@', 1)
    ) as LastName,
    profiles.first_name as FirstName,
    coalesce(profiles.company_name, '(private)') as Company,
    profiles.email as Email,
    'Product' as LeadSource,
    profiles.board_minutes_lately as Board_Minutes__c,
    profiles.last_board_at as Last_Seen__c
from profiles.profiles
where
    profiles.board_minutes_lately >= 60
    and profiles.email is not null
    and coalesce(profiles.lifetime_value, 0) = 0
    and not coalesce(profiles.is_entered_by_sales, false)
