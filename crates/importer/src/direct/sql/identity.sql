-- What two databases must have alike for texts to compare and sort alike: how, by whom, and in what order.
SELECT pg_catalog.concat_ws(' ', d.datcollate, d.datctype,
                            coalesce(pg_catalog.to_jsonb(d) ->> 'datlocprovider', 'c'),
                            coalesce(pg_catalog.to_jsonb(d) ->> 'datlocale', pg_catalog.to_jsonb(d) ->> 'daticulocale')),
       d.datname::pg_catalog.text
  FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
