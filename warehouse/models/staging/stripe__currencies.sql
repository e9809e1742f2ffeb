-- One row per currency whose amounts Stripe does not write in hundredths.
-- https://docs.stripe.com/currencies
-- key: currency
select
    unnest([
        'bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf',
        'xof', 'xpf'
    ]) as currency, -- as Stripe writes it
    1 as minor_units -- how many of its amounts make one unit
union all
select unnest(['bhd', 'jod', 'kwd', 'omr', 'tnd']), 1000
